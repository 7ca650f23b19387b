#!/usr/bin/env python3
"""What one writes in an afternoon: lists the users of the provider, creates those that are missing, tells what
differs. Standard library, eight threads, each with a connection that it keeps; a 429 waits and tries again.

  sync.py URL DESIRED.json
"""

import base64
import concurrent.futures
import http.client
import json
import random
import sys
import threading
import time
import urllib.parse

THREADS = 8
TRIES = 12

local = threading.local()
refused = 0


def request(base, method, path, body=None, headers=None):
    """The decoded answer; waits and tries again when there were too many requests."""
    global refused
    for attempt in range(TRIES):
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(base.hostname, base.port, timeout=30)
        local.connection.request(method, base.path + path, body, headers)
        answer = local.connection.getresponse()
        text = answer.read()
        if answer.status == 429:
            refused += 1
            wait = float(answer.headers.get("Retry-After") or 0.5 * 2**attempt)
            time.sleep(wait * random.uniform(0.8, 1.2))
            continue
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]}")
        return json.loads(text)
    raise RuntimeError(f"{method} {path}: still too many requests")


def log_in(base):
    login = base64.b64encode(b"sim-id:sim-secret").decode()
    token = request(base, "POST", "/api/v1/oauth2/token", "grant_type=client_credentials", {
        "Authorization": "Basic " + login, "Content-Type": "application/x-www-form-urlencoded"})
    return {"Authorization": "Bearer " + token["access_token"], "Accept": "application/json",
            "Content-Type": "application/json"}


def list_users(base, headers):
    users = {}
    while True:
        page = request(base, "GET", f"/api/v1/users?limit=100&offset={len(users)}", None, headers)["data"]
        users.update((user["username"].lower(), user) for user in page["items"])
        if not page["items"] or len(users) >= page["totalCount"]:
            return users


def differences(wanted, found):
    for name, value in wanted.items():
        has = found.get(name)
        if (sorted(value) != sorted(has)) if isinstance(value, list) else (value != has):
            yield name


def main():
    base = urllib.parse.urlsplit(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        desired = json.load(file)["users"]
    headers = log_in(base)
    found = list_users(base, headers)
    missing = [user for user in desired if user["username"].lower() not in found]
    differing = sum(any(differences(user, found[user["username"].lower()])) for user in desired
                    if user["username"].lower() in found)

    def create(user):
        request(base, "POST", "/api/v1/users", json.dumps(user), headers)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        created = len(list(pool.map(create, missing)))
    print(f"{len(found)} found, {differing} differ, {created} created, {refused} times refused")


main()
