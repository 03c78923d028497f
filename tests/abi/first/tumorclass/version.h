/* Generated from project(VERSION) in CMakeLists.txt. */
#ifndef TUMORCLASS_VERSION_H
#define TUMORCLASS_VERSION_H
#define TUMORCLASS_VERSION_MAJOR 0
#define TUMORCLASS_VERSION_MINOR 1
#define TUMORCLASS_VERSION_PATCH 0
#define TUMORCLASS_VERSION_STRING "0.1.0"
#define TUMORCLASS_VERSION_NUMBER                                                                                      \
    (TUMORCLASS_VERSION_MAJOR * 1000000 + TUMORCLASS_VERSION_MINOR * 1000 + TUMORCLASS_VERSION_PATCH)
#endif
