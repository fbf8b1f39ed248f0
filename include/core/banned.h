/* Functions that are easy to misuse do not compile. Included by the compiler's
 * command line (-include) after the system headers that declare them. */
#ifndef CORE_BANNED_H
#define CORE_BANNED_H

#ifndef __cplusplus
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets
#pragma GCC poison gmtime localtime ctime asctime atoi atol atoll atof tmpnam mktemp
#pragma GCC poison system popen rand srand
#endif

#endif
