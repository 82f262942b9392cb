/* rcl.h: what the extension uses of rcl, found in a process where rclpy has loaded it.
 *
 * The build needs no part of ROS: this header declares the part of its ABI that is used, which has been the same in
 * every distribution since Humble (rcutils/types/uint8_array.h, rcutils/allocator.h, rmw/types.h, rcl/subscription.h,
 * rcl/publisher.h). */
#ifndef PY_RCL_H
#define PY_RCL_H

#include "core/state.h"

typedef struct rcutils_allocator {
    void *(*allocate)(size_t size, void *state);
    void (*deallocate)(void *pointer, void *state);
    void *(*reallocate)(void *pointer, size_t size, void *state);
    void *(*zero_allocate)(size_t count, size_t size, void *state);
    void *state;
} rcutils_allocator;

typedef struct rcutils_uint8_array {
    uint8_t *buffer;
    size_t buffer_length;
    size_t buffer_capacity;
    rcutils_allocator allocator;
} rcutils_uint8_array;

typedef struct rcutils_error_string {
    char str[1024];
} rcutils_error_string;

/* rmw_message_info_t. Its gid has 16 bytes now; older versions have 24, of which some middlewares fill 16. */
typedef struct rmw_message_info {
    int64_t source_timestamp;
    int64_t received_timestamp;
    uint64_t publication_sequence_number;
    uint64_t reception_sequence_number;
    const char *gid_implementation;
    unsigned char gid[24];
    bool from_intra_process;
    unsigned char spare[64];
} rmw_message_info;

enum {
    RCL_RET_OK = 0,
    RCL_RET_BAD_ALLOC = 10,
    RCL_RET_PUBLISHER_INVALID = 300,
    RCL_RET_SUBSCRIPTION_INVALID = 400,
    RCL_RET_SUBSCRIPTION_TAKE_FAILED = 401
};

/* Set once, with the GIL. The libraries stay loaded until the process ends. */
typedef struct py_rcl_functions {
    int (*take)(const void *subscription, rcutils_uint8_array *message, rmw_message_info *info, void *allocation);
    int (*publish)(const void *publisher, const rcutils_uint8_array *message, void *allocation);
    rcutils_error_string (*error_string)(void);
    void (*reset_error)(void);
} py_rcl_functions;

extern py_rcl_functions py_rcl;

/** Find rcl among the libraries of this process. 1 found, 0 not found. */
int py_rcl_find(void);
/** malloc, as an allocator of rcl. */
extern const rcutils_allocator py_rcl_allocator;
/** Fill `error` with rcl's error text after `function` failed with `code`. */
void py_rcl_explain(const char *function, int code, pmipc_error *error);

#endif
