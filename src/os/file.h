/* file.h: opening, naming and checking pool files. Functions return a descriptor or 0 on success, and -errno on
 * failure, unless their comment says otherwise. Every descriptor is close-on-exec. */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Open a folder for openat. With `follow`, the path may be a symbolic link, as the user may choose one. Without it, a
 * symbolic link gives -ELOOP or -ENOTDIR. */
int file_open_folder(const char *path, bool follow);

/* Create an unnamed file in the folder, with exactly these permission bits. */
int file_open_unnamed(int folder, mode_t mode);

/* Set exactly these permission bits. Only the owner of the file may change them. */
int file_set_mode(int fd, mode_t mode);

/* Open an entry of the folder, for reading and writing or for reading only. Entries are untrusted: a symbolic link
 * gives -ELOOP, and a FIFO or a device does not block. Whatever else is not a regular file on tmpfs gives -EMEDIUMTYPE.
 * Other failures never give -EMEDIUMTYPE, so such an entry has no producer and may be unlinked. */
int file_open_entry(int folder, const char *entry, bool writable);

/* Open another file description of the same file, for example for locks. Needs /proc. */
int file_reopen(int fd, bool writable);

/* A hint for the error text when file_reopen or file_link fails with this errno: " (is /proc mounted?)" or "". */
const char *file_reopen_hint(int failure);

/* Give an unnamed file its name. -EEXIST: the name is taken. Needs /proc. */
int file_link(int fd, int folder, const char *entry);

int file_unlink(int folder, const char *entry);

/* Rename `from` to `to`. A file that had the name `to` loses it in the same step. */
int file_rename(int folder, const char *from, const char *to);

/* Whether the entry is the file that is open as `fd`. Returns 1, 0, or -errno when this cannot be determined. */
int file_is_entry(int fd, int folder, const char *entry);

/* Returns 1, 0 or -errno. */
int file_is_tmpfs(int fd);

/* Which file a descriptor refers to. A program that becomes a daemon closes all descriptors, and their numbers then
 * refer to other files. Code that keeps a descriptor therefore checks its identity before each use. */
struct file_identity {
    uint64_t device;
    uint64_t inode;  /* 0: no file */
    uint32_t ticket; /* from file_keep; 0: not kept */
};

struct file_identity file_identify(int fd);
struct file_identity file_identify_path(const char *path); /* does not follow a symbolic link */
bool file_is_identical(struct file_identity a, struct file_identity b);

/* Whether `fd` still refers to that file. Returns 1; 0 when it is closed or refers to another file; -errno when this
 * cannot be determined. */
int file_is_still(int fd, struct file_identity identity);

/* How many names the file has; 0 when all were removed. -1: `fd` no longer refers to that file, or the number cannot be
 * determined. */
int file_names(int fd, struct file_identity identity);

/* Record the identity of a descriptor that the library keeps, with a ticket for its number. When the library gets the
 * same number again, another part of the program has closed the kept descriptor, and the older ticket is void. After a
 * failure the descriptor must not be kept, because it could not be recognized later. */
int file_keep(int fd, struct file_identity *identity);

/* Whether `fd` is still the kept descriptor: it refers to that file and its ticket is valid. False when this cannot be
 * determined. */
bool file_is_own(int fd, struct file_identity identity);

/* Close `fd` if it is still the kept descriptor. When its file cannot be determined, the ticket alone decides: a
 * descriptor that stays open would keep its lock until the process ends. */
void file_close_own(int fd, struct file_identity identity);

/* Make the file at least this large, and reserve its last page. It never becomes smaller, even if another process makes
 * it larger at the same time; ftruncate does not guarantee this. Returns 0 or an errno. */
int file_extend(int fd, uint64_t bytes);

/* Returns the size in bytes, or -errno. */
int64_t file_bytes(int fd);

/* Close `fd` unless it is negative. Keeps errno. */
void file_close(int fd);

#endif
