/* access.h: typed pointers to the data of views and loans, checked against the schema.
 *
 *     const double *q = pmipc_view_float64(&view, NULL, 7, &error);                // a plain tensor of seven float64
 *     const uint8_t *rgb = pmipc_view_uint8(&view, "rgb", 480 * 640 * 3, &error);  // one field of several
 *
 * `field` is the field's name, or NULL for the one field of a plain tensor. `count` is the number of elements in one
 * sample that the program uses: the product of the shape, with the sample's own leading length for a variable field.
 *
 * Threads: any thread that may use the view; the producer's for a loan.
 * Progress: wait-free. No system call, no allocation, about ten nanoseconds.
 * A function returns NULL and sets `error->status`:
 * - PMIPC_SCHEMA_MISMATCH: there is no such field, or it has another dtype or another number of elements; the message
 *   shows what was expected and what the schema has
 * - PMIPC_INVALID_ARGUMENT: the view was released, or the loan was committed or discarded */
#ifndef PMIPC_ACCESS_H
#define PMIPC_ACCESS_H

#include "producer.h"
#include "stream.h"

PMIPC_BEGIN_DECLS

/** Return the data of a field of a view, or NULL.
 *
 * In a window these are the data of the oldest frame; those of frame i are i * view->frame_stride bytes further. An
 * opaque dtype is refused: compare the schema instead (`expect` in pmipc_stream_options).
 *
 * Ownership: valid until the view is released. */
PMIPC_API PMIPC_MUST_USE const void *pmipc_view_data(const pmipc_view *view, const char *field, pmipc_dtype dtype,
                                                     int64_t count, pmipc_error *error);

/** Return the memory of a field of a loan, or NULL.
 *
 * `loan->fields[i].length` is the leading length of a variable field: lower it first. An opaque dtype is refused.
 *
 * Ownership: valid until the loan is committed or discarded. */
PMIPC_API PMIPC_MUST_USE void *pmipc_loan_data(const pmipc_producer *producer, const pmipc_loan *loan,
                                               const char *field, pmipc_dtype dtype, int64_t count, pmipc_error *error);

/* pmipc_view_float64 and pmipc_loan_float64, and the same for the other types. */
#define PMIPC_TYPED_ACCESS(name, type, dtype)                                                                    \
    PMIPC_MUST_USE static inline const type *pmipc_view_##name(const pmipc_view *view, const char *field,        \
                                                               int64_t count, pmipc_error *error)                \
    {                                                                                                            \
        return (const type *)pmipc_view_data(view, field, dtype, count, error);                                  \
    }                                                                                                            \
    PMIPC_MUST_USE static inline type *pmipc_loan_##name(const pmipc_producer *producer, const pmipc_loan *loan, \
                                                         const char *field, int64_t count, pmipc_error *error)   \
    {                                                                                                            \
        return (type *)pmipc_loan_data(producer, loan, field, dtype, count, error);                              \
    }

PMIPC_TYPED_ACCESS(float64, double, PMIPC_FLOAT64)
PMIPC_TYPED_ACCESS(float32, float, PMIPC_FLOAT32)
PMIPC_TYPED_ACCESS(int8, int8_t, PMIPC_INT8)
PMIPC_TYPED_ACCESS(int16, int16_t, PMIPC_INT16)
PMIPC_TYPED_ACCESS(int32, int32_t, PMIPC_INT32)
PMIPC_TYPED_ACCESS(int64, int64_t, PMIPC_INT64)
PMIPC_TYPED_ACCESS(uint8, uint8_t, PMIPC_UINT8)
PMIPC_TYPED_ACCESS(uint16, uint16_t, PMIPC_UINT16)
PMIPC_TYPED_ACCESS(uint32, uint32_t, PMIPC_UINT32)
PMIPC_TYPED_ACCESS(uint64, uint64_t, PMIPC_UINT64)
PMIPC_TYPED_ACCESS(bool, uint8_t, PMIPC_BOOL) /* uint8_t, because another process may store values other than 0 and 1 */
#undef PMIPC_TYPED_ACCESS

PMIPC_END_DECLS

#endif
