/* schema.h: what a pool carries: 1 to 32 fields, each with a name, a dtype and a shape.
 *
 * A schema with one unnamed field is a plain tensor. A schema with named fields is a dict of tensors, which one publish
 * makes visible together. All arrays are C-contiguous. A schema is a plain value: copy it, keep it on the stack. */
#ifndef PMIPC_SCHEMA_H
#define PMIPC_SCHEMA_H

#include "status.h"

PMIPC_BEGIN_DECLS

#define PMIPC_MAX_FIELDS 32
#define PMIPC_MAX_VARIABLE_FIELDS 8 /* fields of one schema that have a variable leading dimension */
#define PMIPC_MAX_NDIM 8            /* dimensions of a field */
#define PMIPC_MAX_FIELD_NAME 63     /* bytes of a field's name, without the NUL */
#define PMIPC_MAX_DESCR_TEXT 4096   /* bytes of all descriptions of one schema */

/** Type codes. They are those of DLPack (dlpack.h, DLDataTypeCode). */
enum {
    PMIPC_CODE_INT = 0,
    PMIPC_CODE_UINT = 1,
    PMIPC_CODE_FLOAT = 2,
    PMIPC_CODE_OPAQUE = 3, /* a dtype that only its description explains: structured numpy dtypes, strings */
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

/** A dtype: the type code in the low byte, the bits per element in the next two bytes. The byte order is native. */
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
#define PMIPC_LONGDOUBLE PMIPC_DTYPE(PMIPC_CODE_FLOAT, 128) /* 16 bytes with padding */
#define PMIPC_BFLOAT16 PMIPC_DTYPE(PMIPC_CODE_BFLOAT, 16)
#define PMIPC_COMPLEX64 PMIPC_DTYPE(PMIPC_CODE_COMPLEX, 64)
#define PMIPC_COMPLEX128 PMIPC_DTYPE(PMIPC_CODE_COMPLEX, 128)
#define PMIPC_OPAQUE PMIPC_DTYPE(PMIPC_CODE_OPAQUE, 0)

/** Flags of a field. */
enum {
    PMIPC_FIELD_VARIABLE = 1u /* each sample has its own leading length, from 0 to shape[0] */
};

/** One field of a schema. */
typedef struct pmipc_field {
    char name[PMIPC_MAX_FIELD_NAME + 1]; /* UTF-8; "" for the one field of a plain tensor */
    pmipc_dtype dtype;
    uint32_t itemsize;             /* bytes per element */
    uint32_t ndim;                 /* dimensions, 0 to PMIPC_MAX_NDIM */
    uint32_t flags;                /* PMIPC_FIELD_VARIABLE or 0 */
    int64_t shape[PMIPC_MAX_NDIM]; /* elements per dimension, 0 is allowed; 0 from shape[ndim] on */
    uint32_t descr_offset;         /* where in schema.text the description of an opaque dtype begins */
    uint32_t descr_bytes;          /* bytes of that description; 0 for other dtypes */
} pmipc_field;

/** The fields of a pool. */
typedef struct pmipc_schema {
    uint32_t field_count; /* 0: pmipc_schema_tensor has refused its arguments */
    uint32_t text_bytes;  /* bytes of `text` in use */
    pmipc_field fields[PMIPC_MAX_FIELDS];
    char text[PMIPC_MAX_DESCR_TEXT]; /* the descriptions, one after the other, without NUL */
} pmipc_schema;

/** Return the schema of a plain tensor.
 *
 * `shape` has `ndim` entries. With invalid arguments the schema has field_count 0; pmipc_schema_check and
 * pmipc_producer_open refuse it.
 *
 * Threads: any. */
PMIPC_API pmipc_schema pmipc_schema_tensor(pmipc_dtype dtype, uint32_t ndim, const int64_t *shape);

/** Empty `schema`, for pmipc_schema_add.
 *
 * Threads: any. */
PMIPC_API void pmipc_schema_init(pmipc_schema *schema);

/** Append a field to `schema`.
 *
 * `name` may be "" in a schema that has one field. `shape` has `ndim` entries. `flags` is 0 or PMIPC_FIELD_VARIABLE,
 * which needs at least one dimension.
 *
 * Threads: any.
 * Returns:
 * - PMIPC_OK: the field was appended
 * - PMIPC_INVALID_ARGUMENT: an argument is invalid; `schema` is unchanged */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_add(pmipc_schema *schema, const char *name, pmipc_dtype dtype,
                                                       uint32_t ndim, const int64_t *shape, uint32_t flags,
                                                       pmipc_error *error);

/** Append a field of an opaque dtype to `schema`.
 *
 * An element has `itemsize` bytes, 1 to 2^30. `descr` explains them: UTF-8 text of `descr_bytes` bytes, which is
 * copied. The Python package uses JSON. Two opaque dtypes are equal when their itemsize and description are equal.
 *
 * Threads: any.
 * Returns:
 * - PMIPC_OK: the field was appended
 * - PMIPC_INVALID_ARGUMENT: an argument is invalid; `schema` is unchanged */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_add_opaque(pmipc_schema *schema, const char *name, uint32_t itemsize,
                                                              const char *descr, size_t descr_bytes, uint32_t ndim,
                                                              const int64_t *shape, uint32_t flags, pmipc_error *error);

/** Check that a pool can carry `schema`.
 *
 * Threads: any.
 * Returns:
 * - PMIPC_OK: it can
 * - PMIPC_INVALID_ARGUMENT: it cannot; the message says why */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_check(const pmipc_schema *schema, pmipc_error *error);

/** Check that two schemas are equal: names, order, dtypes, shapes and flags of all fields.
 *
 * Threads: any.
 * Returns:
 * - PMIPC_OK: they are equal
 * - PMIPC_SCHEMA_MISMATCH: they differ; the message shows both
 * - PMIPC_INVALID_ARGUMENT: a schema is NULL */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_compare(const pmipc_schema *expected, const pmipc_schema *got,
                                                           pmipc_error *error);

/** Check that two schemas are equal, where the leading dimension of a variable field may differ. That dimension limits
 * how long a sample can be.
 *
 * Threads: any.
 * Returns:
 * - PMIPC_OK: they are equal in this sense
 * - PMIPC_SCHEMA_MISMATCH: they differ; the message shows both
 * - PMIPC_INVALID_ARGUMENT: a schema is NULL */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_schema_compatible(const pmipc_schema *expected, const pmipc_schema *got,
                                                              pmipc_error *error);

/** Write a schema as text, such as "uint8 (480, 640, 3)" or "{rgb: uint8 (480, 640, 3), q: float64 (7,)}".
 *
 * `text` has room for `text_bytes` bytes. The text is cut to that and ends with NUL.
 *
 * Threads: any.
 * Returns the length of the uncut text in bytes, like snprintf. */
PMIPC_API size_t pmipc_schema_format(const pmipc_schema *schema, char *text, size_t text_bytes);

/** Return the most bytes that one sample of `field` can have: the product of shape and itemsize.
 *
 * Threads: any. */
PMIPC_API uint64_t pmipc_field_bytes(const pmipc_field *field);

/** Return the name of a dtype: "float64", "bfloat16", "float8_e4m3fn"; "opaque" for PMIPC_OPAQUE, "unknown" for a
 * number that is not a dtype.
 *
 * Threads: any. */
PMIPC_API const char *pmipc_dtype_name(pmipc_dtype dtype);

/** Return the bytes per element of a dtype: 0 for PMIPC_OPAQUE and for a number that is not a dtype.
 *
 * Threads: any. */
PMIPC_API uint32_t pmipc_dtype_itemsize(pmipc_dtype dtype);

PMIPC_END_DECLS

#endif
