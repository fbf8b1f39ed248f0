/* The files of an instance that its sandbox is made of. */
#ifndef API_RUN_INSTANCE_FILES_H
#define API_RUN_INSTANCE_FILES_H

#include "model/spool.h"

/* Make home/ and etc/ in its spool, or bring etc/ up to date: users, names and, when
 * somebody may log in, sshd's configuration, host key and authorized key.
 * Errors: ERR_IO; ERR_ENGINE ssh-keygen failed. */
enum err_code instance_files_make(const char *dir, const struct spool_spec *spec,
                                  struct err *e) MUST_CHECK;

/* "0,1": indexes of its slots, or for real ones what CUDA_VISIBLE_DEVICES takes. */
void gpu_indexes_write(const struct spool_spec *spec, struct strbuf *out);
/* "" when its slots are virtual. */
void gpu_devices_write(const struct spool_spec *spec, struct strbuf *out);

/* Listen on the login socket in `dir`. Caller owns *fd. Errors: ERR_IO. */
enum err_code login_listen(const char *dir, int *fd, struct err *e) MUST_CHECK;

#endif
