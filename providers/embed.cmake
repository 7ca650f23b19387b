# Writes the built-in profiles into a C++ source: cmake -DOUT=FILE -DPROFILES=a.yaml,b.yaml -P embed.cmake
string(REPLACE "," ";" PROFILES "${PROFILES}")
list(SORT PROFILES)
set(entries "")
foreach(file IN LISTS PROFILES)
  file(READ "${file}" text)
  get_filename_component(name "${file}" NAME_WE)
  string(APPEND entries "      {\"${name}\", R\"profile(${text})profile\"},\n")
endforeach()
file(WRITE "${OUT}" "// Generated from providers/profiles/*.yaml.
#include \"providers/profile.hpp\"

namespace usersyncd {

std::vector<std::pair<std::string, std::string_view>> built_in_profiles() {
  return {
${entries}  };
}

}  // namespace usersyncd
")
