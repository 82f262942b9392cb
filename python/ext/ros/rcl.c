/* rcl.c: finding rcl, and its error texts. */
#include "ros/rcl.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

py_rcl_functions py_rcl;

/* Store the address of a function, copied as bytes because ISO C has no conversion from the pointer of dlsym. */
static bool look_up(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL && library != RTLD_DEFAULT)
        symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

int py_rcl_find(void)
{
    static bool found;
    if (found)
        return 1;
    /* Python loads extensions and their libraries with local symbols, so rcl has to be looked up by its file name. */
    void *library = dlopen("librcl.so", RTLD_LAZY | RTLD_NOLOAD);
    void *where = library != NULL ? library : RTLD_DEFAULT;
    found = look_up(where, "rcutils_get_error_string", &py_rcl.error_string) &&
            look_up(where, "rcutils_reset_error", &py_rcl.reset_error) &&
            look_up(where, "rcl_take_serialized_message", &py_rcl.take) &&
            look_up(where, "rcl_publish_serialized_message", &py_rcl.publish);
    return found;
}

static void *allocate(size_t size, void *state)
{
    (void)state;
    return malloc(size);
}

static void deallocate(void *pointer, void *state)
{
    (void)state;
    free(pointer);
}

static void *reallocate(void *pointer, size_t size, void *state)
{
    (void)state;
    return realloc(pointer, size);
}

static void *zero_allocate(size_t count, size_t size, void *state)
{
    (void)state;
    return calloc(count, size);
}

const rcutils_allocator py_rcl_allocator = {allocate, deallocate, reallocate, zero_allocate, NULL};

void py_rcl_explain(const char *function, int code, pmipc_error *error)
{
    rcutils_error_string said = py_rcl.error_string();
    py_rcl.reset_error();
    error->status = code == RCL_RET_BAD_ALLOC                                                   ? PMIPC_NO_MEMORY
                    : code == RCL_RET_SUBSCRIPTION_INVALID || code == RCL_RET_PUBLISHER_INVALID ? PMIPC_CLOSED
                                                                                                : PMIPC_SYSTEM;
    error->os_error = 0;
    (void)PyOS_snprintf(error->text, sizeof error->text, "%s failed with %d: %.1000s", function, code, said.str);
}
