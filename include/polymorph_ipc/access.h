/* access.h: typed pointers to the data of views and loans, checked against the schema.
 *
 *     const double *q = pmipc_view_float64(&view, NULL, 7, &error);            // a plain tensor of seven float64
 *     const uint8_t *rgb = pmipc_view_uint8(&view, "rgb", 480 * 640 * 3, &error);  // one field of several
 *
 * `field` is the field's name; NULL: the one field of a plain tensor. `count` is the number of elements that the
 * program uses, in one sample: the product of the shape, with the sample's own leading length for a variable field. The
 * pointer is NULL and `error` says expected and got (SCHEMA_MISMATCH) when the schema has no such field, or the field
 * has another dtype or another number of elements; INVALID_ARGUMENT when the view was released or the loan is not out.
 *
 * Threads: as the view or the producer. Progress: wait-free; no system call, no allocation; some ten nanoseconds. */
#ifndef PMIPC_ACCESS_H
#define PMIPC_ACCESS_H

#include "producer.h"
#include "stream.h"

PMIPC_BEGIN_DECLS

/** The data of a field of a view; of a window the oldest frame's, frame i lies i * view->frame_stride bytes further.
 * Opaque dtypes are refused: compare the whole schema (`expect`). The pointer is valid until the view is released. */
PMIPC_API PMIPC_MUST_USE const void *pmipc_view_data(const pmipc_view *view, const char *field, pmipc_dtype dtype,
                                                     int64_t count, pmipc_error *error);

/** The memory of a field of a loan. A variable field has the length that loan->fields[i].length says now: lower it
 * first. The pointer is valid until the loan is committed or discarded. */
PMIPC_API PMIPC_MUST_USE void *pmipc_loan_data(const pmipc_producer *producer, const pmipc_loan *loan,
                                               const char *field, pmipc_dtype dtype, int64_t count, pmipc_error *error);

/* pmipc_view_float64 and pmipc_loan_float64, and the same for the other types of C. */
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
PMIPC_TYPED_ACCESS(bool, uint8_t, PMIPC_BOOL) /* bytes, since a pool's bytes may be others than 0 and 1 */
#undef PMIPC_TYPED_ACCESS

PMIPC_END_DECLS

#endif
