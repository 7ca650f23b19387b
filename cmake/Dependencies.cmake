# All from Debian 12; README.md says what each is for.
find_package(Boost 1.81 REQUIRED COMPONENTS json url system)
find_package(OpenSSL 3 REQUIRED)
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_library(YAML_LIBRARY yaml REQUIRED)
find_path(YAML_INCLUDE_DIR yaml.h REQUIRED)
add_library(libyaml UNKNOWN IMPORTED) # it brings no package file of its own
set_target_properties(libyaml PROPERTIES
  IMPORTED_LOCATION ${YAML_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${YAML_INCLUDE_DIR})
find_package(pugixml REQUIRED)
find_package(spdlog REQUIRED)
find_package(date REQUIRED)

# Asio and Beast are compiled once (daemon/asio_impl.cpp); everyone who includes them must agree on it.
add_library(usersyncd_asio INTERFACE)
target_link_libraries(usersyncd_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(usersyncd_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
