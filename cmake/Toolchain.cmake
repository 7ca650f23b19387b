# Compiler settings shared by every target.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(usersyncd_options INTERFACE)
target_compile_options(usersyncd_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wold-style-cast -Wformat=2 -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(usersyncd_options INTERFACE
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wuseless-cast)
  # GCC 12 reports false positives of these in inlined library code at -O2.
  target_compile_options(usersyncd_options INTERFACE
    $<$<CONFIG:Release>:-Wno-maybe-uninitialized;-Wno-restrict;-Wno-dangling-pointer;-Wno-mismatched-new-delete>)
endif()
target_compile_options(usersyncd_options INTERFACE
  $<$<CONFIG:Release>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2;-fstack-protector-strong>)
target_link_options(usersyncd_options INTERFACE $<$<CONFIG:Release>:-Wl,-z,relro,-z,now>)
target_include_directories(usersyncd_options INTERFACE ${PROJECT_SOURCE_DIR})
# An empty optional or an index past the end is an end, and not a guess, in every build.
target_compile_definitions(usersyncd_options INTERFACE USERSYNCD_VERSION="${PROJECT_VERSION}" _GLIBCXX_ASSERTIONS)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# A folder's library: every .cpp in it. GLOB keeps the list next to the files; CONFIGURE_DEPENDS notices new ones.
function(usersyncd_library name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE usersyncd_options ${ARGN})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC usersyncd_options ${ARGN})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME usersyncd_${name})
endfunction()
