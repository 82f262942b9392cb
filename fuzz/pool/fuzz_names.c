/* fuzz_names.c: any bytes as a pool name, as an entry of the folder, and as the folder. Name and entry can be converted
 * into each other, and no name leads out of the folder. */
#include "check.h"
#include "registry/folder.h"

static void use_name(const char *name)
{
    char back[PMIPC_MAX_NAME + 1];
    struct pool_place *place =
        require_memory(sizeof *place); /* allocated, so that the sanitizer detects an access beyond its end */
    pmipc_error error;
    pmipc_status status = place_of(name, "/dev/shm/f", place, &error);
    REQUIRE(pmipc_name_check(name, NULL) == status);
    require_status("place_of", status, STATUS(OK) | STATUS(INVALID_NAME));
    if (status) {
        require_message("place_of", status, &error);
        free(place);
        return;
    }
    REQUIRE(strlen(name) >= 1 && strlen(name) <= PMIPC_MAX_NAME && strspn(name, "/") == 0);
    const char *entry = place->entry;
    REQUIRE(!strchr(entry, '/') && strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0);
    REQUIRE(name_of_entry(entry, back) && strcmp(back, name) == 0);
    require_text("path", place->path, sizeof place->path);
    free(place);
}

static void use_entry(const char *entry)
{
    char name[PMIPC_MAX_NAME + 1];
    struct pool_place place;
    if (!name_of_entry(entry, name))
        return;
    REQUIRE(pmipc_name_check(name, NULL) == PMIPC_OK);
    REQUIRE(place_of(name, "/dev/shm/f", &place, NULL) == PMIPC_OK && strcmp(place.entry, entry) == 0);
}

static void use_folder(const char *folder, size_t capacity)
{
    char *path = require_memory(capacity);
    pmipc_status status = pmipc_registry_folder(folder, path, capacity);
    require_status("registry_folder", status, STATUS(OK) | STATUS(INVALID_ARGUMENT));
    REQUIRE(status || (memchr(path, '\0', capacity) && path[0] == '/'));
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return -1;
    char *text = require_memory(size - 1);
    memcpy(text, data + 1, size - 2);
    text[size - 2] = '\0';
    use_name(text);
    if (!strchr(text, '/'))
        use_entry(text); /* what a folder can hold */
    use_folder(text, data[0]);
    free(text);
    return 0;
}
