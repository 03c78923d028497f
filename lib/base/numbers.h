/* Numbers in text, read the same way whatever the locale (strtod is not). */
#ifndef BASE_NUMBERS_H
#define BASE_NUMBERS_H

/* A number at the start of `text`: [-]digits[.digits][e[+-]digits]. Returns where it ends, or NULL if there is none or
 * it is no finite double. Exact to the last bit up to 15 digits and powers of ten to 22, to an ulp or two beyond. */
const char *number_read(double *number, const char *text);

#endif
