# Destinations of `cmake --install`, and the files for find_package and pkg-config.
set(PMIPC_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/polymorph_ipc)

install(TARGETS polymorph_ipc polymorph_ipc_shared
    EXPORT polymorph_ipcTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/polymorph_ipc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

install(EXPORT polymorph_ipcTargets NAMESPACE polymorph_ipc:: DESTINATION ${PMIPC_PACKAGE_DIR})
configure_package_config_file(cmake/polymorph_ipcConfig.cmake.in polymorph_ipcConfig.cmake
    INSTALL_DESTINATION ${PMIPC_PACKAGE_DIR})
# Until 1.0 a new minor version may change the interface.
write_basic_package_version_file(polymorph_ipcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/polymorph_ipcConfig.cmake ${PROJECT_BINARY_DIR}/polymorph_ipcConfigVersion.cmake
    DESTINATION ${PMIPC_PACKAGE_DIR})

# Paths in the .pc file are relative to the file, so that the installed tree can be moved, or installed with --prefix.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
    set(PMIPC_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
    set(PMIPC_PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
    set(PMIPC_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
    file(RELATIVE_PATH PMIPC_UP_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    set(PMIPC_PC_PREFIX "\${pcfiledir}/${PMIPC_UP_TO_PREFIX}")
    set(PMIPC_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(PMIPC_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/polymorph_ipc.pc.in polymorph_ipc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/polymorph_ipc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
