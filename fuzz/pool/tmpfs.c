#include "tmpfs.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "mappings.h"

#define FIRST_DESCRIPTOR 1000 /* lower numbers are descriptors of Linux */
#define DESCRIPTORS 128
#define FILES 64
#define ENTRIES 32
#define NAME_BYTES 256
#define LOCK_BYTES 65
#define DEVICE 77
#define COMMAND_LINE "fuzzer\0of pools"

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);

struct description;

static struct file {
    uint64_t inode; /* 0: unused */
    mode_t mode;
    uint32_t references; /* by entries, descriptions, mappings */
    size_t size;
    int memory; /* descriptor of Linux; kept for the next file in this place */
    char *contents;
    const struct description *locks[LOCK_BYTES];
} files[FILES];

static struct description {
    struct file *file;
    uint32_t references; /* by descriptors */
    uint32_t locks;
    bool writable;
} descriptions[DESCRIPTORS];

static struct entry {
    char name[NAME_BYTES];
    struct file *file;
} entries[ENTRIES];
static uint32_t entry_count;

static struct description *descriptors[DESCRIPTORS];
static uint32_t open_count;
static uint64_t newest_inode;
static struct file folder_itself = {.inode = 1, .mode = S_IFDIR | 0700, .references = 1};
static struct file command_line = {.inode = 2, .mode = S_IFREG | 0400, .references = 1};

static int fail(int error)
{
    errno = error;
    return -1;
}

/* ----------------------------------------------------------------------------------------------------------- files */

static struct file *make(mode_t mode)
{
    struct file *file = files;
    while (file->inode)
        REQUIRE(++file < files + FILES);
    file->inode = 100 + ++newest_inode;
    file->mode = mode;
    file->size = 0;
    if (S_ISREG(mode) && !file->contents) {
        file->memory = memfd_create("fuzz", MFD_CLOEXEC);
        REQUIRE(file->memory >= 0 && ftruncate(file->memory, TMPFS_FILE_BYTES) == 0);
        file->contents = __real_mmap(NULL, TMPFS_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file->memory, 0);
        REQUIRE(file->contents != MAP_FAILED);
    }
    return file;
}

static void release_file(struct file *file)
{
    if (--file->references == 0)
        file->inode = 0;
}

static struct description *description_of(int fd)
{
    return tmpfs_has_descriptor(fd) ? descriptors[fd - FIRST_DESCRIPTOR] : NULL;
}

static struct file *file_of(int fd)
{
    struct description *description = description_of(fd);
    return description ? description->file : NULL;
}

static int give_descriptor(struct description *description)
{
    uint32_t place = 0;
    while (descriptors[place])
        REQUIRE(++place < DESCRIPTORS);
    descriptors[place] = description;
    description->references++;
    open_count++;
    return FIRST_DESCRIPTOR + (int)place;
}

static int open_file(struct file *file, bool writable)
{
    struct description *description = descriptions;
    while (description->references)
        REQUIRE(++description < descriptions + DESCRIPTORS);
    *description = (struct description){.file = file, .writable = writable};
    file->references++;
    return give_descriptor(description);
}

/* ----------------------------------------------------------------------------------------------------------- paths */

bool tmpfs_has_descriptor(int fd)
{
    return fd >= FIRST_DESCRIPTOR && fd < FIRST_DESCRIPTOR + DESCRIPTORS;
}

/* The descriptor that /proc/self/fd/N leads to, or -1. */
static int descriptor_in(const char *path)
{
    static const char proc[] = "/proc/self/fd/";
    if (path[1] != 'p' || strncmp(path, proc, sizeof proc - 1) != 0)
        return -1;
    int fd = atoi(path + sizeof proc - 1);
    return tmpfs_has_descriptor(fd) ? fd : -1;
}

bool tmpfs_has_path(const char *path)
{
    return strncmp(path, TMPFS_FOLDER, sizeof TMPFS_FOLDER - 1) == 0 || strcmp(path, "/proc/self/cmdline") == 0 ||
           (path[0] == '/' && descriptor_in(path) >= 0);
}

/* The entry's name; "" for the folder itself. */
static const char *name_in(int folder, const char *path)
{
    if (path[0] != '/') {
        REQUIRE(file_of(folder) == &folder_itself);
        return strcmp(path, ".") == 0 ? "" : path;
    }
    path += sizeof TMPFS_FOLDER - 1;
    return *path == '/' ? path + 1 : path;
}

static struct entry *find(const char *name)
{
    for (uint32_t i = 0; i < entry_count; i++)
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

static int add_entry(const char *name, struct file *file)
{
    REQUIRE(entry_count < ENTRIES && strlen(name) < NAME_BYTES);
    strcpy(entries[entry_count].name, name);
    entries[entry_count++].file = file;
    file->references++;
    return 0;
}

/* ----------------------------------------------------------------------------------------------------------- calls */

int tmpfs_open(int folder, const char *path, int flags, mode_t mode)
{
    const bool writable = (flags & O_ACCMODE) != O_RDONLY;
    if (path[0] == '/' && descriptor_in(path) >= 0)
        return file_of(descriptor_in(path)) ? open_file(file_of(descriptor_in(path)), writable) : fail(ENOENT);
    if (path[0] == '/' && path[1] == 'p')
        return open_file(&command_line, false);
    const char *name = name_in(folder, path);
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return open_file(make(S_IFREG | mode), true);
    if (!*name)
        return open_file(&folder_itself, false);
    const struct entry *entry = find(name);
    if (!entry) {
        if (!(flags & O_CREAT))
            return fail(ENOENT);
        struct file *made = make(S_IFREG | mode);
        add_entry(name, made);
        return open_file(made, writable);
    }
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return fail(EEXIST);
    if (S_ISLNK(entry->file->mode)) {
        REQUIRE(flags & O_NOFOLLOW);
        return fail(ELOOP);
    }
    if (S_ISDIR(entry->file->mode) && writable)
        return fail(EISDIR);
    return open_file(entry->file, writable);
}

int tmpfs_dup(int fd)
{
    return description_of(fd) ? give_descriptor(description_of(fd)) : fail(EBADF);
}

int tmpfs_close(int fd)
{
    struct description *description = description_of(fd);
    REQUIRE(description != NULL);
    descriptors[fd - FIRST_DESCRIPTOR] = NULL;
    open_count--;
    if (--description->references)
        return 0;
    for (int byte = 0; byte < LOCK_BYTES && description->locks; byte++) {
        if (description->file->locks[byte] == description) {
            description->file->locks[byte] = NULL;
            description->locks--;
        }
    }
    release_file(description->file);
    return 0;
}

uint32_t tmpfs_open_count(void)
{
    return open_count;
}

static int describe(const struct file *file, struct stat *status)
{
    static uid_t own = (uid_t)-1;
    if (own == (uid_t)-1)
        own = geteuid();
    memset(status, 0, sizeof *status);
    status->st_dev = DEVICE;
    status->st_ino = file->inode;
    status->st_mode = file->mode;
    status->st_uid = own;
    status->st_size = (off_t)file->size;
    for (uint32_t i = 0; i < entry_count; i++)
        status->st_nlink += entries[i].file == file;
    return 0;
}

int tmpfs_fstat(int fd, struct stat *status)
{
    return file_of(fd) ? describe(file_of(fd), status) : fail(EBADF);
}

int tmpfs_lstat(int folder, const char *path, struct stat *status)
{
    const struct entry *entry = find(name_in(folder, path));
    return entry ? describe(entry->file, status) : fail(ENOENT);
}

int tmpfs_chmod(int fd, mode_t mode)
{
    struct file *file = file_of(fd);
    if (!file)
        return fail(EBADF);
    file->mode = (file->mode & S_IFMT) | mode;
    return 0;
}

int tmpfs_link(const char *path, int folder, const char *entry)
{
    struct file *file = file_of(descriptor_in(path));
    if (!file)
        return fail(ENOENT);
    const char *name = name_in(folder, entry);
    return find(name) ? fail(EEXIST) : add_entry(name, file);
}

int tmpfs_unlink(int folder, const char *path, int flags)
{
    struct entry *entry = find(name_in(folder, path));
    if (!entry)
        return fail(ENOENT);
    if (!S_ISDIR(entry->file->mode) != !(flags & AT_REMOVEDIR))
        return fail(flags & AT_REMOVEDIR ? ENOTDIR : EISDIR);
    release_file(entry->file);
    *entry = entries[--entry_count];
    return 0;
}

int tmpfs_make(const char *path, mode_t mode)
{
    const char *name = name_in(AT_FDCWD, path);
    return find(name) ? fail(EEXIST) : add_entry(name, make(mode));
}

int tmpfs_resize(int fd, off_t size, bool may_shrink)
{
    struct file *file = file_of(fd);
    if (!file)
        return fail(EBADF);
    REQUIRE(S_ISREG(file->mode) && description_of(fd)->writable && (size_t)size <= TMPFS_FILE_BYTES);
    if ((size_t)size == file->size || ((size_t)size < file->size && !may_shrink))
        return 0;
    if ((size_t)size > file->size)
        memset(file->contents + file->size, 0, (size_t)size - file->size);
    file->size = (size_t)size;
    mappings_follow_size((uint32_t)(file - files));
    return 0;
}

ssize_t tmpfs_read(int fd, void *buffer, size_t bytes, off_t offset)
{
    const struct file *file = file_of(fd);
    if (!file)
        return fail(EBADF);
    REQUIRE(S_ISREG(file->mode));
    const bool is_text = file == &command_line;
    const size_t size = is_text ? sizeof COMMAND_LINE : file->size;
    if ((uint64_t)offset >= size)
        return offset < 0 ? fail(EINVAL) : 0;
    bytes = bytes < size - (size_t)offset ? bytes : size - (size_t)offset;
    memcpy(buffer, (is_text ? COMMAND_LINE : file->contents) + offset, bytes);
    return (ssize_t)bytes;
}

ssize_t tmpfs_write(int fd, const void *buffer, size_t bytes, off_t offset)
{
    struct file *file = file_of(fd);
    if (!file)
        return fail(EBADF);
    REQUIRE(S_ISREG(file->mode) && description_of(fd)->writable && offset >= 0);
    if (file->size < (size_t)offset + bytes)
        (void)tmpfs_resize(fd, offset + (off_t)bytes, false);
    memcpy(file->contents + offset, buffer, bytes);
    return (ssize_t)bytes;
}

/* Locks of one byte, by open file description. Adjacent bytes that one description holds are reported as one lock. */
int tmpfs_lock(int fd, int command, struct flock *lock)
{
    struct description *own = description_of(fd);
    if (!own)
        return fail(EBADF);
    REQUIRE(lock->l_whence == SEEK_SET && lock->l_start >= 0 && lock->l_start < LOCK_BYTES && lock->l_len == 1);
    const struct description **locks = own->file->locks;
    off_t first = lock->l_start, end = first + 1;
    const struct description *holder = locks[first] == own ? NULL : locks[first];
    if (command == F_OFD_GETLK) {
        lock->l_type = holder ? F_WRLCK : F_UNLCK;
        if (!holder)
            return 0;
        while (first > 0 && locks[first - 1] == holder)
            first--;
        while (end < LOCK_BYTES && locks[end] == holder)
            end++;
        lock->l_start = first;
        lock->l_len = end - first;
        lock->l_pid = -1;
        return 0;
    }
    REQUIRE(command == F_OFD_SETLK && (lock->l_type == F_WRLCK || lock->l_type == F_UNLCK));
    const bool wanted = lock->l_type == F_WRLCK;
    if (wanted && !own->writable)
        return fail(EBADF);
    if (wanted && holder)
        return fail(EAGAIN);
    if (holder || (locks[first] == own) == wanted)
        return 0;
    locks[first] = wanted ? own : NULL;
    own->locks += wanted ? 1 : UINT32_MAX;
    return 0;
}

const char *tmpfs_entry(uint32_t n)
{
    return n < entry_count ? entries[n].name : NULL;
}

/* -------------------------------------------------------------------------------------------------------- mappings */

uint32_t tmpfs_hold(int fd)
{
    struct file *file = file_of(fd);
    REQUIRE(file && file >= files && file < files + FILES && S_ISREG(file->mode));
    file->references++;
    return (uint32_t)(file - files);
}

void tmpfs_release(uint32_t number)
{
    release_file(&files[number]);
}

size_t tmpfs_bytes(uint32_t number)
{
    return files[number].size;
}

int tmpfs_memory(uint32_t number)
{
    return files[number].memory;
}

char *tmpfs_contents(int fd)
{
    return file_of(fd)->contents;
}
