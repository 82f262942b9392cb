/* schema.h: what a pool carries: 1 to 32 fields, each with a name, a dtype and a shape.
 *
 * One unnamed field is a plain tensor; named fields are a dict of tensors that is published atomically. Arrays are
 * C-contiguous. A schema is a plain value: copy it, keep it on the stack, compare it. */
#ifndef PMIPC_SCHEMA_H
#define PMIPC_SCHEMA_H

#include "status.h"

PMIPC_BEGIN_DECLS

#define PMIPC_MAX_FIELDS 32
#define PMIPC_MAX_VARIABLE_FIELDS 8 /* fields of one schema that may have a variable leading dimension */
#define PMIPC_MAX_NDIM 8
#define PMIPC_MAX_FIELD_NAME 63   /* bytes, without the NUL */
#define PMIPC_MAX_DESCR_TEXT 4096 /* bytes of all descriptions of one schema */

/** Type codes are DLPack's (dlpack.h, DLDataTypeCode). */
enum {
    PMIPC_CODE_INT = 0,
    PMIPC_CODE_UINT = 1,
    PMIPC_CODE_FLOAT = 2,
    PMIPC_CODE_OPAQUE = 3, /* itemsize and meaning are given by the field's description */
    PMIPC_CODE_BFLOAT = 4,
    PMIPC_CODE_COMPLEX = 5,
    PMIPC_CODE_BOOL = 6,
    PMIPC_CODE_FLOAT8_E3M4 = 7,
    PMIPC_CODE_FLOAT8_E4M3 = 8,
    PMIPC_CODE_FLOAT8_E4M3B11FNUZ = 9,
    PMIPC_CODE_FLOAT8_E4M3FN = 10,
    PMIPC_CODE_FLOAT8_E4M3FNUZ = 11,
    PMIPC_CODE_FLOAT8_E5M2 = 12,
    PMIPC_CODE_FLOAT8_E5M2FNUZ = 13,
    PMIPC_CODE_FLOAT8_E8M0FNU = 14
};

/** A dtype: DLPack's code in the low byte, bits per element in the next two. Native byte order. */
typedef uint32_t pmipc_dtype;
#define PMIPC_DTYPE(code, bits) ((pmipc_dtype)(code) | ((pmipc_dtype)(bits) << 8))
#define PMIPC_DTYPE_CODE(dtype) ((uint32_t)(dtype)&0xffu)
#define PMIPC_DTYPE_BITS(dtype) (((uint32_t)(dtype) >> 8) & 0xffffu)

#define PMIPC_BOOL PMIPC_DTYPE(PMIPC_CODE_BOOL, 8)
#define PMIPC_INT8 PMIPC_DTYPE(PMIPC_CODE_INT, 8)
#define PMIPC_INT16 PMIPC_DTYPE(PMIPC_CODE_INT, 16)
#define PMIPC_INT32 PMIPC_DTYPE(PMIPC_CODE_INT, 32)
#define PMIPC_INT64 PMIPC_DTYPE(PMIPC_CODE_INT, 64)
#define PMIPC_UINT8 PMIPC_DTYPE(PMIPC_CODE_UINT, 8)
#define PMIPC_UINT16 PMIPC_DTYPE(PMIPC_CODE_UINT, 16)
#define PMIPC_UINT32 PMIPC_DTYPE(PMIPC_CODE_UINT, 32)
#define PMIPC_UINT64 PMIPC_DTYPE(PMIPC_CODE_UINT, 64)
#define PMIPC_FLOAT16 PMIPC_DTYPE(PMIPC_CODE_FLOAT, 16)
#define PMIPC_FLOAT32 PMIPC_DTYPE(PMIPC_CODE_FLOAT, 32)
#define PMIPC_FLOAT64 PMIPC_DTYPE(PMIPC_CODE_FLOAT, 64)
#define PMIPC_LONGDOUBLE PMIPC_DTYPE(PMIPC_CODE_FLOAT, 128) /* 16 bytes, as the C ABI pads it */
#define PMIPC_BFLOAT16 PMIPC_DTYPE(PMIPC_CODE_BFLOAT, 16)
#define PMIPC_COMPLEX64 PMIPC_DTYPE(PMIPC_CODE_COMPLEX, 64)
#define PMIPC_COMPLEX128 PMIPC_DTYPE(PMIPC_CODE_COMPLEX, 128)
#define PMIPC_OPAQUE PMIPC_DTYPE(PMIPC_CODE_OPAQUE, 0)

enum {
    PMIPC_FIELD_VARIABLE = 1u /* each sample has its own leading length, 0 up to shape[0] */
};

typedef struct pmipc_field {
    char name[PMIPC_MAX_FIELD_NAME + 1]; /* "" for the one field of a plain tensor; UTF-8 */
    pmipc_dtype dtype;
    uint32_t itemsize;             /* bytes per element */
    uint32_t ndim;                 /* 0 to PMIPC_MAX_NDIM */
    uint32_t flags;                /* PMIPC_FIELD_VARIABLE */
    int64_t shape[PMIPC_MAX_NDIM]; /* elements; zero is allowed; entries past ndim are 0 */
    uint32_t descr_offset;         /* where in schema.text an opaque dtype's description begins */
    uint32_t descr_bytes;          /* 0: none */
} pmipc_field;

typedef struct pmipc_schema {
    uint32_t field_count; /* 0 marks a schema that could not be built */
    uint32_t text_bytes;
    pmipc_field fields[PMIPC_MAX_FIELDS];
    char text[PMIPC_MAX_DESCR_TEXT]; /* the descriptions, one after the other, not NUL-terminated */
} pmipc_schema;

/** A plain tensor of this dtype and shape. Bad arguments give a schema with field_count 0, which
 *  pmipc_schema_check and pmipc_producer_open refuse with a reason. Any thread. */
PMIPC_API pmipc_schema pmipc_schema_tensor(pmipc_dtype dtype, uint32_t ndim, const int64_t *shape);

/** Empty `schema`, ready for pmipc_schema_add. */
PMIPC_API void pmipc_schema_init(pmipc_schema *schema);

/** Append a field. `name` may be "" only for a schema's one field. `flags`: 0 or PMIPC_FIELD_VARIABLE, which needs
 *  ndim of 1 or more. Returns: OK, INVALID_ARGUMENT (schema unchanged). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_add(pmipc_schema *schema, const char *name, pmipc_dtype dtype,
                                                       uint32_t ndim, const int64_t *shape, uint32_t flags,
                                                       pmipc_error *error);

/** Append a field of an opaque dtype: `itemsize` bytes per element that `descr` (UTF-8, copied; the Python package
 *  writes JSON here) describes. Two opaque dtypes are equal when itemsize and description are.
 *  Returns: OK, INVALID_ARGUMENT (schema unchanged). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_add_opaque(pmipc_schema *schema, const char *name, uint32_t itemsize,
                                                              const char *descr, size_t descr_bytes, uint32_t ndim,
                                                              const int64_t *shape, uint32_t flags, pmipc_error *error);

/** Whether a schema is one a pool can carry. Returns: OK, INVALID_ARGUMENT with the reason. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_check(const pmipc_schema *schema, pmipc_error *error);

/** Whether two schemas are the same: names, order, dtypes, shapes, variable flags.
 *  Returns: OK, SCHEMA_MISMATCH with expected and got. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_compare(const pmipc_schema *expected, const pmipc_schema *got,
                                                           pmipc_error *error);

/** Whether the samples of two schemas have the same form: equal but for the leading dimension of variable fields, which
 * only says how long a sample may be. Returns: OK, SCHEMA_MISMATCH with expected and got. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_compatible(const pmipc_schema *expected, const pmipc_schema *got,
                                                              pmipc_error *error);

/** Write a schema for people, "uint8 (480, 640, 3)" or "{rgb: uint8 (480, 640, 3), q: float64 (7,)}", into `text`
 *  (NUL-terminated, cut at `text_bytes`). Returns the length it would have, like snprintf. */
PMIPC_API size_t pmipc_schema_format(const pmipc_schema *schema, char *text, size_t text_bytes);

/** Bytes one sample of `field` takes at most (product of shape and itemsize). */
PMIPC_API uint64_t pmipc_field_bytes(const pmipc_field *field);

/** "float64", "bfloat16", "float8_e4m3fn", ...; "opaque" for opaque ones and "unknown" for what is no dtype. */
PMIPC_API const char *pmipc_dtype_name(pmipc_dtype dtype);

/** Bytes per element, 0 for PMIPC_OPAQUE and for what is no dtype. */
PMIPC_API uint32_t pmipc_dtype_itemsize(pmipc_dtype dtype);

PMIPC_END_DECLS

#endif
