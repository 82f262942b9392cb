/* source.h: what can be published. */
#ifndef PY_WRITE_SOURCE_H
#define PY_WRITE_SOURCE_H

#include "arrays/schema.h"

/* The data of one field, found to fit the schema. */
typedef struct py_source {
    const void *data; /* the elements, when they are contiguous in host memory */
    bool strided;     /* they are not: the library that `array` comes from must copy them */
    int64_t length;   /* of the first dimension; 1 for 0-d */
    PyObject *array;  /* owned: a numpy array or a torch tensor */
    PyObject *keeper; /* owned: keeps `data` in place */
} py_source;

/** Find the elements of `object`, which must fit the field exactly. Release the source in any case. -1 with an
 * exception.
 */
int py_source_find(py_schema *schema, uint32_t index, PyObject *object, const char *pool_name, py_source *source);
void py_source_release(py_source *source);
/** Copy a source that is not contiguous into a slot that `owner` keeps mapped. -1 with an exception. */
int py_source_copy(py_schema *schema, uint32_t index, const py_source *source, void *data, PyObject *owner);

/** Fast test: a plain contiguous array of exactly this field. */
static inline bool py_source_is_exact(const py_field *field, PyObject *object)
{
    if (!PyArray_CheckExact(object))
        return false;
    PyArrayObject *array = (PyArrayObject *)object;
    if (PyArray_DESCR(array) != field->descr || PyArray_NDIM(array) != field->ndim || !PyArray_IS_C_CONTIGUOUS(array))
        return false;
    const npy_intp *dims = PyArray_DIMS(array);
    for (int i = 0; i < field->ndim; i++)
        if (dims[i] != field->shape[i])
            return false;
    return true;
}

#endif
