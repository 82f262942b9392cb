/* file.h: opening, naming and checking pool files. Functions return a descriptor or 0 on success, -errno on failure;
 * every descriptor is close-on-exec. */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A folder for openat. `follow` symbolic links: right where the user has chosen the path; else one gives -ELOOP or
 * -ENOTDIR. */
int file_open_folder(const char *path, bool follow);

/* An unnamed file in the folder, with exactly these permission bits. */
int file_open_unnamed(int folder, mode_t mode);

/* Give a file exactly these permission bits, which only its owner may change. */
int file_set_mode(int fd, mode_t mode);

/* An entry of the folder, for reading and writing or for reading only. Entries are hostile: symlinks are refused with
 * -ELOOP, and a FIFO or a device does not block. Anything but a regular file on tmpfs gives -EMEDIUMTYPE, and only that
 * does: it may be unlinked without asking for a producer. */
int file_open_entry(int folder, const char *entry, bool writable);

/* Another open file description of the same file, e.g. for locks. Needs /proc. */
int file_reopen(int fd, bool writable);

/* What may be the matter when that, or linking, fails with this errno: " (is /proc mounted?)", or nothing. */
const char *file_reopen_hint(int failure);

/* Give an unnamed file its name; -EEXIST when the name is taken. Needs /proc. */
int file_link(int fd, int folder, const char *entry);

int file_unlink(int folder, const char *entry);

/* Give the file at `from` the name `to`. A file that had it loses it in the same step. */
int file_rename(int folder, const char *from, const char *to);

/* Whether the entry still leads to the very file that is open as `fd`: 1, 0 or, when that cannot be told, -errno. */
int file_is_entry(int fd, int folder, const char *entry);

/* 1, 0 or -errno. */
int file_is_tmpfs(int fd);

/* Which file a descriptor leads to. Programs that turn themselves into daemons close every descriptor, and the numbers
 * then lead to other files: whoever keeps a descriptor for long asks before using it. */
struct file_identity {
    uint64_t device;
    uint64_t inode;  /* 0: none */
    uint32_t ticket; /* of file_keep; 0: not kept */
};

struct file_identity file_identify(int fd);
struct file_identity file_identify_path(const char *path); /* does not follow a symlink */
bool file_is_identical(struct file_identity a, struct file_identity b);

/* Whether `fd` still leads to that file: 1; 0 when it is closed or leads to another; -errno when it cannot be told. */
int file_is_still(int fd, struct file_identity identity);

/* How many names that file has, 0 when all were removed; -1 when `fd` does not lead to it any more or it cannot be
 * told. */
int file_names(int fd, struct file_identity identity);

/* The identity of a descriptor that will be kept for long, with a ticket for its number: when the library is given that
 * number again, the descriptor must have been closed by somebody else, and the older ticket is void. A descriptor that
 * cannot be recognized must not be kept. */
int file_keep(int fd, struct file_identity *identity);

/* Whether `fd` is still the descriptor that was kept: it leads to that file, and its ticket is not void. What cannot be
 * told is no. */
bool file_is_own(int fd, struct file_identity identity);

/* Close `fd` only if it is still the descriptor that was kept. Where it cannot be told which file it leads to, the
 * ticket alone decides: not to close would keep a lock forever. */
void file_close_own(int fd, struct file_identity identity);

/* Make the file at least so large. It never gets smaller, not even when somebody else makes it larger meanwhile, as it
 * could by ftruncate. Reserves its last page. Returns 0 or an errno. */
int file_extend(int fd, uint64_t bytes);

/* Size in bytes, or -errno. */
int64_t file_bytes(int fd);

/* Close, keeping errno, ignoring negative descriptors. */
void file_close(int fd);

#endif
