/* tmpfs.h: a tmpfs inside this process, for the calls that the library makes: one folder, its files and their
 * descriptors. It behaves as Linux does; an invalid call, such as closing a descriptor that is not open, ends the
 * input. Calls take nanoseconds, where Linux takes microseconds. */
#ifndef FUZZ_TMPFS_H
#define FUZZ_TMPFS_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define TMPFS_FOLDER "/in-this-process"
#define TMPFS_FILE_BYTES ((size_t)4 << 20) /* more than any pool grows to in one input */

/* Whether a path or a descriptor belongs to it. /proc/self/fd/N of its descriptors also belongs to it, and so does
 * /proc/self/cmdline, which is short and always the same. */
bool tmpfs_has_path(const char *path);
bool tmpfs_has_descriptor(int fd);

/* The number of open descriptors. */
uint32_t tmpfs_open_count(void);

/* The calls of the same names. `folder` may be AT_FDCWD if the path is absolute. */
int tmpfs_open(int folder, const char *path, int flags, mode_t mode);
int tmpfs_close(int fd);
int tmpfs_dup(int fd);
int tmpfs_fstat(int fd, struct stat *status);
int tmpfs_lstat(int folder, const char *path, struct stat *status);
int tmpfs_chmod(int fd, mode_t mode);
int tmpfs_link(const char *path, int folder, const char *entry);
int tmpfs_unlink(int folder, const char *path, int flags);
int tmpfs_make(const char *path, mode_t mode); /* a file of any type; a symbolic link has no target */
int tmpfs_resize(int fd, off_t size, bool may_shrink);
ssize_t tmpfs_read(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t tmpfs_write(int fd, const void *buffer, size_t bytes, off_t offset);
int tmpfs_lock(int fd, int command, struct flock *lock);

/* The n-th entry of the folder, or NULL after the last. */
const char *tmpfs_entry(uint32_t n);

/* For mappings: a small number for a file, which is unique while the file is held; the file's size; a descriptor of
 * Linux with its bytes, always the same for one number; and the bytes. */
uint32_t tmpfs_hold(int fd);
void tmpfs_release(uint32_t number);
size_t tmpfs_bytes(uint32_t number);
int tmpfs_memory(uint32_t number);
char *tmpfs_contents(int fd);

#endif
