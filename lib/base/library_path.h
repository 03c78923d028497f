/* Where this library lies on disk, to find what was installed beside it. */
#ifndef BASE_LIBRARY_PATH_H
#define BASE_LIBRARY_PATH_H

/* The folder of the shared library that this code is in (of the program, if it is linked into one) and `relative`
 * joined; memory_free takes it back. "": unknown; NULL: no memory. */
char *library_path(const char *relative);

#endif
