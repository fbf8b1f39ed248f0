/* What a call of this process writes to standard output and standard error. */
#ifndef TESTS_SUPPORT_CAPTURED_H
#define TESTS_SUPPORT_CAPTURED_H

#define CAPTURED_BYTES 65536 /* more is cut */

struct captured {
    int saved[2], files[2];
    char out[CAPTURED_BYTES], err[CAPTURED_BYTES];
};

/* Between the two calls everything goes into files; then the texts are there. */
void capture_begin(struct captured *c);
void capture_end(struct captured *c);

/* Words of a line, split at blanks, for a main(): `text` is changed and must outlive argv, which
 * has room for count. Returns argc. */
int words_split(char *text, char **argv, int count);

#endif
