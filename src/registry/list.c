/* list.c: listing the pools of a folder. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/cancel.h"
#include "os/file.h"
#include "os/text.h"
#include "registry/folder.h"
#include "registry/inspect.h"

struct pmipc_registry {
    int folder;
    struct pool_place place; /* of the current pool */
    char **names;            /* sorted */
    size_t count;
    size_t capacity;
    size_t next;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool keep_name(pmipc_registry *registry, const char *name)
{
    if (registry->count == registry->capacity) {
        size_t capacity = registry->capacity ? 2 * registry->capacity : 64;
        char **names = realloc(registry->names, capacity * sizeof *names);
        if (!names)
            return false;
        registry->names = names;
        registry->capacity = capacity;
    }
    registry->names[registry->count] = strdup(name);
    return registry->names[registry->count] && ++registry->count;
}

/* Returns 0 or an errno. */
static int keep_names(pmipc_registry *registry, DIR *directory)
{
    for (;;) {
        char name[PMIPC_MAX_NAME + 1];
        errno = 0; /* readdir returns NULL at the end and on failure */
        const struct dirent *entry = readdir(directory);
        if (!entry)
            return errno;
        if (name_of_entry(entry->d_name, name) && !keep_name(registry, name))
            return ENOMEM;
    }
}

static pmipc_status read_entries(pmipc_registry *registry, pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    int fd = dup(registry->folder);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    int failure = directory ? keep_names(registry, directory) : errno;
    if (directory)
        closedir(directory);
    else
        file_close(fd);
    if (failure)
        return error_set(error, error_status_of(failure), failure, "cannot read the registry folder %s: %s",
                         registry->place.folder, error_describe_errno(failure, reason));
    if (registry->count)
        qsort(registry->names, registry->count, sizeof *registry->names, compare_names);
    return PMIPC_OK;
}

pmipc_status pmipc_registry_open(pmipc_registry **registry, const char *folder, pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    char path[FOLDER_PATH_BYTES];
    if (!registry || pmipc_registry_folder(folder, path, sizeof path) != PMIPC_OK)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "registry is NULL, or the folder's path is too long");
    pmipc_registry *opened = calloc(1, sizeof *opened);
    if (!opened)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "cannot read the registry folder %s: out of memory", path);
    opened->folder = -1;
    memcpy(opened->place.folder, path, strlen(path) + 1);
    pmipc_status status = folder_open(path, false, &opened->folder, error);
    if (!status)
        status = read_entries(opened, error);
    if (status && status != PMIPC_NOT_FOUND) {
        pmipc_registry_close(opened);
        return status;
    }
    *registry = opened;
    return PMIPC_OK;
}

pmipc_status pmipc_registry_next(pmipc_registry *registry, pmipc_pool_info *info)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!registry || !info)
        return PMIPC_INVALID_ARGUMENT;
    memset(info, 0, sizeof *info);
    while (registry->next < registry->count) {
        pmipc_error error;
        place_set_name(&registry->place, registry->names[registry->next++]);
        pmipc_status status = inspect_entry(registry->folder, &registry->place, info, &error);
        if (status == PMIPC_NOT_FOUND)
            continue; /* removed since the folder was read */
        info->status = status;
        if (status) {
            snprintf(info->problem, sizeof info->problem, "%.255s", error.text);
            text_make_printable(info->problem); /* the last character may be incomplete */
        }
        return PMIPC_OK;
    }
    return PMIPC_NOTHING_NEW;
}

void pmipc_registry_close(pmipc_registry *registry)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++)
        free(registry->names[i]);
    free(registry->names);
    file_close(registry->folder);
    free(registry);
}
