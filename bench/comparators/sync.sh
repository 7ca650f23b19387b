#!/usr/bin/env bash
# What one writes in an hour: lists the users of the provider, creates those that are missing, eight at a time, and
# tells how many differ. curl repeats by itself what was answered with 429.
#   sync.sh URL DESIRED.json
set -euo pipefail
url=$1 desired=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ask=(curl --silent --show-error --fail --retry 12 --retry-connrefused)
token=$("${ask[@]}" --user sim-id:sim-secret --data grant_type=client_credentials "$url/api/v1/oauth2/token" |
  jq -r .access_token)
export AUTHORIZATION="Authorization: Bearer $token" URL=$url

: >"$work/found"
offset=0 total=1
while ((offset < total)); do
  "${ask[@]}" --header "$AUTHORIZATION" "$url/api/v1/users?limit=100&offset=$offset" >"$work/page"
  jq -c '.data.items[]' "$work/page" >>"$work/found"
  read -r count total < <(jq -r '"\(.data.items | length) \(.data.totalCount)"' "$work/page")
  ((count > 0)) || break
  offset=$((offset + count))
done

jq -nc --slurpfile found "$work/found" --slurpfile desired "$desired" '
  (reduce $found[] as $user ({}; .[$user.username | ascii_downcase] = $user)) as $have
  | $desired[0].users[] | $have[.username | ascii_downcase] as $has
  | if $has == null then {missing: .}
    elif all(to_entries[]; .value == $has[.key]) then empty
    else {differs: .username} end' >"$work/work"

create() {
  curl --silent --show-error --fail --retry 12 --header "$AUTHORIZATION" --header 'Content-Type: application/json' \
    --data-binary "$1" --output /dev/null "$URL/api/v1/users"
}
export -f create
jq -c 'select(.missing).missing' "$work/work" >"$work/missing"
xargs --arg-file="$work/missing" --delimiter='\n' --no-run-if-empty --max-args=1 --max-procs=8 \
  bash -c 'create "$1"' bash
echo "$(wc -l <"$work/found") found, $(jq -c 'select(.differs)' "$work/work" | wc -l) differ," \
  "$(wc -l <"$work/missing") created"
