# The library as others see it: shared (or static) library, its installation, the CMake package and pkg-config file.
include(CMakePackageConfigHelpers)

# The model that ships lies in the build folder as it will in the installation: MODEL_RELATIVE to the library.
configure_file(${SHIPPED_MODEL} ${PROJECT_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR}/${MODEL_RELATIVE} COPYONLY)

if(BUILD_SHARED_LIBS)
  add_library(tumorclass SHARED)
  target_link_libraries(tumorclass PRIVATE tumorclass_objects)
  target_link_options(tumorclass PRIVATE
    -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/tumorclass.map -Wl,--exclude-libs,ALL)
  if(NOT TUMORCLASS_SANITIZE)
    target_link_options(tumorclass PRIVATE -Wl,--no-undefined)
  endif()
  set_target_properties(tumorclass PROPERTIES LINKER_LANGUAGE C
    LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tumorclass.map)
else()
  # One object whose hidden names are local: they cannot meet those of the program it is linked into.
  set(LINKED ${CMAKE_CURRENT_BINARY_DIR}/tumorclass.o)
  add_custom_command(OUTPUT ${LINKED}
    COMMAND ${CMAKE_LINKER} -r -o ${LINKED} $<TARGET_OBJECTS:tumorclass_objects>
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${LINKED}
    DEPENDS $<TARGET_OBJECTS:tumorclass_objects> COMMAND_EXPAND_LISTS VERBATIM)
  add_library(tumorclass STATIC ${LINKED})
  set_target_properties(tumorclass PROPERTIES LINKER_LANGUAGE C)
  target_link_libraries(tumorclass PUBLIC nifti2 deflate z m pthread ${CMAKE_DL_LIBS})
  set(PRIVATE_LIBRARIES "-lnifti2 -ldeflate -lz -lm -lpthread -ldl")
endif()
add_library(tumorclass::tumorclass ALIAS tumorclass)
set_target_properties(tumorclass PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR}
  ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR})
target_include_directories(tumorclass PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${CMAKE_CURRENT_BINARY_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

install(TARGETS tumorclass EXPORT tumorclassTargets)
install(EXPORT tumorclassTargets NAMESPACE tumorclass:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tumorclass
  FILE tumorclassTargets.cmake)
install(FILES ${PROJECT_SOURCE_DIR}/include/tumorclass/tumorclass.h ${GENERATED}/version.h ${GENERATED}/export.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tumorclass)
install(FILES ${SHIPPED_MODEL} DESTINATION ${CMAKE_INSTALL_DATADIR}/tumorclass/models)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

file(CONFIGURE OUTPUT tumorclassConfig.cmake
  CONTENT "include(\"\${CMAKE_CURRENT_LIST_DIR}/tumorclassTargets.cmake\")\n" @ONLY)
write_basic_package_version_file(tumorclassConfigVersion.cmake COMPATIBILITY SameMajorVersion)
file(RELATIVE_PATH PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(tumorclass.pc.in tumorclass.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tumorclassConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/tumorclassConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/tumorclass)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tumorclass.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
