# `cmake --install` puts things where the unit file expects them. Nothing goes to /etc: that belongs to the
# administrator, who starts from the examples.
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
  set_property(CACHE CMAKE_INSTALL_PREFIX PROPERTY VALUE /usr)
endif()
include(GNUInstallDirs)

install(TARGETS usersyncd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES systemd/usersyncd.service DESTINATION lib/systemd/system)
install(FILES systemd/usersyncd.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY systemd/desired DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES README.md OPTIONAL DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(PROGRAMS scripts/audit-verify DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES policies/default.yaml OPTIONAL DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/policies)
