/* replay.c: run a fuzz target over every file of its corpus, as a test: replay FOLDER */
#include <dirent.h>

#include "fuzz.h"

static size_t read_file(const char *folder, const char *name, uint8_t **data)
{
    char path[4096];
    REQUIRE(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    FILE *file = fopen(path, "rb");
    REQUIRE(file && fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    REQUIRE(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
    *data = require_memory((size_t)size);
    REQUIRE(fread(*data, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return (size_t)size;
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    DIR *folder = opendir(argv[1]);
    REQUIRE(folder != NULL);
    unsigned count = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        uint8_t *data;
        size_t size = read_file(argv[1], entry->d_name, &data);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
        count++;
    }
    closedir(folder);
    printf("%u inputs replayed\n", count);
    return count == 0;
}
