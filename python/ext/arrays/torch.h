/* torch.h: tensors over the extension's memory, and the memory of tensors, through DLPack. */
#ifndef PY_TORCH_H
#define PY_TORCH_H

#include "arrays/pin.h"

/** Find torch if it has been imported already; never waits for an import. 1 found, 0 not imported, -1 exception. */
int py_torch_find(py_state *state);
/** Import torch. For constructors only, because it takes seconds. -1 with an exception; the text of an ImportError
 * begins with `wanted_by`. */
int py_torch_import(py_state *state, const char *wanted_by);
/** A tensor over `data`, `strides` in elements (NULL: contiguous). It keeps `hold` until its memory is freed. */
PyObject *py_torch_view(py_state *state, py_hold *hold, dlpack_dtype dtype, void *data, int ndim, const npy_intp *shape,
                        const int64_t *strides);
/** A new tensor with memory of torch. */
PyObject *py_torch_empty(py_state *state, const char *dtype_name, int ndim, const npy_intp *shape);
/** A tensor over memory that `owner` keeps. The tensor holds a reference to `owner` until its memory is freed. */
PyObject *py_torch_over(py_state *state, PyObject *owner, dlpack_dtype dtype, void *data, int ndim,
                        const npy_intp *shape, const int64_t *strides);
static inline bool py_torch_check(const py_state *state, PyObject *object)
{
    return state->torch.tensor_type != NULL && PyObject_TypeCheck(object, state->torch.tensor_type);
}
/** Describe the memory of a tensor. Shape and strides are valid until `*keeper` is released. -1 with an exception. */
int py_torch_read(py_state *state, PyObject *tensor, dlpack_tensor *out, PyObject **keeper);
/** Whether the elements follow one another without gaps, the last dimension fastest. */
bool py_torch_is_contiguous(const dlpack_tensor *tensor);
/** 1 when the elements in memory are not the tensor's values (conjugate or negative bit), 0 when they are, -1
 * exception.
 */
int py_torch_lazy_bits(py_state *state, PyObject *tensor, dlpack_dtype dtype);
/** destination.copy_(source.detach()). -1 with an exception. */
int py_torch_copy(py_state *state, PyObject *destination, PyObject *source);
/** The function use_dlpack_exchange of the module. */
PyObject *py_torch_set_exchange(PyObject *module, PyObject *enabled);
void py_torch_clear(py_state *state);

#endif
