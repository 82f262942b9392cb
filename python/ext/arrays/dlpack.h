/* dlpack.h: the parts of the DLPack 1.3 binary interface that the extension uses, declared from its specification
 * (https://dmlc.github.io/dlpack/latest/c_api.html). A new major version changes these structs. */
#ifndef PY_DLPACK_H
#define PY_DLPACK_H

#include <stdint.h>

#define DLPACK_MAJOR 1u
#define DLPACK_MINOR 0u /* the oldest that a consumer of the exported tensors may be */

enum { DLPACK_DEVICE_CPU = 1, DLPACK_DEVICE_CUDA_HOST = 3, DLPACK_DEVICE_ROCM_HOST = 11 };

typedef struct dlpack_version {
    uint32_t major;
    uint32_t minor;
} dlpack_version;

typedef struct dlpack_device {
    int32_t type;
    int32_t id;
} dlpack_device;

typedef struct dlpack_dtype {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} dlpack_dtype;

typedef struct dlpack_tensor {
    void *data;
    dlpack_device device;
    int32_t ndim;
    dlpack_dtype dtype;
    int64_t *shape;
    int64_t *strides; /* in elements; NULL (before 1.2) means contiguous */
    uint64_t byte_offset;
} dlpack_tensor;

/* The content of a "dltensor" capsule. */
typedef struct dlpack_managed {
    dlpack_tensor tensor;
    void *context;
    void (*deleter)(struct dlpack_managed *self);
} dlpack_managed;

/* What the functions of the exchange table take. */
typedef struct dlpack_managed_versioned {
    dlpack_version version;
    void *context;
    void (*deleter)(struct dlpack_managed_versioned *self);
    uint64_t flags;
    dlpack_tensor tensor;
} dlpack_managed_versioned;

/* The table behind `type(tensor).__dlpack_c_exchange_api__`, a capsule named "dlpack_exchange_api". */
#define DLPACK_EXCHANGE_CAPSULE "dlpack_exchange_api"

typedef struct dlpack_exchange_header {
    dlpack_version version;
    struct dlpack_exchange_header *previous; /* an older table, or NULL */
} dlpack_exchange_header;

typedef struct dlpack_exchange {
    dlpack_exchange_header header;
    int (*allocate)(dlpack_tensor *prototype, dlpack_managed_versioned **out, void *context,
                    void (*set_error)(void *context, const char *kind, const char *message));
    int (*managed_from_object)(void *object, dlpack_managed_versioned **out);
    int (*object_from_managed)(dlpack_managed_versioned *tensor, void **object);
    int (*tensor_from_object)(void *object, dlpack_tensor *out); /* may be NULL */
    int (*current_stream)(int32_t device_type, int32_t device_id, void **stream);
} dlpack_exchange;

#endif
