/* torch.c: tensors over the extension's memory, and the memory of tensors, through DLPack. Programs that do not import
 * torch do not pay for it.
 *
 * torch 2.10 and later have a table of C functions (DLPack's exchange API), which makes a tensor in a quarter of a
 * microsecond. Older versions take a capsule. */
#include "arrays/torch.h"

#include <stdlib.h>

/* ---- finding it */

static const dlpack_exchange *find_exchange(PyObject *tensor_type)
{
    PyObject *capsule = PyObject_GetAttrString(tensor_type, "__dlpack_c_exchange_api__");
    if (capsule == NULL) {
        PyErr_Clear();
        return NULL;
    }
    const dlpack_exchange_header *header = NULL;
    if (PyCapsule_IsValid(capsule, DLPACK_EXCHANGE_CAPSULE))
        header = PyCapsule_GetPointer(capsule, DLPACK_EXCHANGE_CAPSULE);
    Py_DECREF(capsule); /* the table lives as long as the process */
    /* Only the header is the same in every version: the rest is read after its version is known. */
    while (header != NULL && header->version.major != DLPACK_MAJOR)
        header = header->previous;
    const dlpack_exchange *exchange = (const dlpack_exchange *)header;
    if (exchange != NULL && exchange->tensor_from_object != NULL && exchange->object_from_managed != NULL)
        return exchange;
    return NULL;
}

/* Store what is used of the modules torch and torch.utils.dlpack. 1 stored; 0: something is missing, for example
 * because another thread is still importing torch. */
static int keep_torch(py_state *state, PyObject *module, PyObject *dlpack)
{
    py_torch *torch = &state->torch;
    PyObject *tensor_type = PyObject_GetAttrString(module, "Tensor");
    PyObject *from_dlpack = tensor_type ? PyObject_GetAttr(dlpack, state->names[NAME_from_dlpack]) : NULL;
    PyObject *to_dlpack = from_dlpack ? PyObject_GetAttr(dlpack, state->names[NAME_to_dlpack]) : NULL;
    if (to_dlpack == NULL || !PyType_Check(tensor_type)) {
        PyErr_Clear();
        Py_XDECREF(tensor_type);
        Py_XDECREF(from_dlpack);
        Py_XDECREF(to_dlpack);
        return 0;
    }
    torch->tensor_type = (PyTypeObject *)tensor_type;
    torch->exchange = find_exchange(tensor_type);
    torch->from_dlpack = from_dlpack;
    torch->to_dlpack = to_dlpack;
    torch->module = Py_NewRef(module);
    return 1;
}

/* A module of sys.modules, new; NULL without an exception when it is not in there. PyImport_GetModule would wait for a
 * thread that is importing it, which takes seconds. */
static PyObject *imported_module(const char *name)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module = modules == NULL ? NULL : PyMapping_GetItemString(modules, name);
    if (module == NULL && PyErr_ExceptionMatches(PyExc_KeyError))
        PyErr_Clear();
    if (module == Py_None)
        Py_CLEAR(module);
    return module;
}

/* Whether the import of a module has finished. */
static bool is_complete(PyObject *module)
{
    PyObject *spec = PyObject_GetAttrString(module, "__spec__");
    PyObject *initializing = spec == NULL ? NULL : PyObject_GetAttrString(spec, "_initializing");
    bool complete = initializing == NULL || PyObject_IsTrue(initializing) == 0;
    PyErr_Clear(); /* a module made by hand has no such attribute */
    Py_XDECREF(initializing);
    Py_XDECREF(spec);
    return complete;
}

int py_torch_find(py_state *state)
{
    if (state->torch.module != NULL)
        return 1;
    PyObject *module = imported_module("torch");
    PyObject *dlpack = module == NULL || !is_complete(module) ? NULL : imported_module("torch.utils.dlpack");
    int found = dlpack == NULL ? PyErr_Occurred() ? -1 : 0 : keep_torch(state, module, dlpack);
    Py_XDECREF(module);
    Py_XDECREF(dlpack);
    return found;
}

int py_torch_import(py_state *state, const char *wanted_by)
{
    if (state->torch.module != NULL)
        return 0;
    PyObject *module = PyImport_ImportModule("torch");
    PyObject *dlpack = module == NULL ? NULL : PyImport_ImportModule("torch.utils.dlpack");
    int found = dlpack == NULL ? -1 : keep_torch(state, module, dlpack);
    Py_XDECREF(module);
    Py_XDECREF(dlpack);
    if (found == 1)
        return 0;
    if (found < 0 && !PyErr_ExceptionMatches(PyExc_ImportError))
        return -1;
    PyObject *type, *cause, *traceback;
    PyErr_Fetch(&type, &cause, &traceback);
    PyErr_NormalizeException(&type, &cause, &traceback);
    if (cause != NULL)
        PyErr_Format(PyExc_ImportError, "%s, but torch cannot be imported: %S", wanted_by, cause);
    else
        PyErr_Format(PyExc_ImportError, "%s, but torch has no Tensor or no torch.utils.dlpack", wanted_by);
    Py_XDECREF(type);
    Py_XDECREF(cause);
    Py_XDECREF(traceback);
    return -1;
}

void py_torch_clear(py_state *state)
{
    Py_CLEAR(state->torch.tensor_type);
    Py_CLEAR(state->torch.from_dlpack);
    Py_CLEAR(state->torch.to_dlpack);
    Py_CLEAR(state->torch.module);
    state->torch.exchange = NULL;
}

PyObject *py_torch_set_exchange(PyObject *module, PyObject *enabled)
{
    py_state *state = PyModule_GetState(module);
    int on = PyObject_IsTrue(enabled);
    if (on < 0)
        return NULL;
    if (py_torch_import(state, "use_dlpack_exchange() was called") < 0)
        return NULL;
    state->torch.exchange = on ? find_exchange((PyObject *)state->torch.tensor_type) : NULL;
    return PyBool_FromLong(state->torch.exchange != NULL);
}

/* ---- tensors over the extension's memory */

static void holder_free(py_holder *holder)
{
    py_hold *hold = holder->hold;
    PyObject *owner = holder->owner;
    if (!holder->embedded)
        free(holder);
    if (hold != NULL)
        py_hold_release(hold); /* frees an embedded holder too */
    if (owner != NULL && Py_IsInitialized()) {
        PyGILState_STATE gil = PyGILState_Ensure();
        Py_DECREF(owner);
        PyGILState_Release(gil);
    }
}

static void delete_versioned(dlpack_managed_versioned *managed)
{
    holder_free(managed->context);
}

static void delete_capsule_tensor(dlpack_managed *managed)
{
    holder_free(managed->context);
}

/* Called for a capsule that torch did not take. A consumer that takes a capsule renames it. */
static void destroy_capsule(PyObject *capsule)
{
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        dlpack_managed *managed = PyCapsule_GetPointer(capsule, "dltensor");
        managed->deleter(managed);
    }
}

static py_holder *holder_new(py_hold *hold, PyObject *owner)
{
    py_holder *holder;
    if (hold != NULL && !hold->holder_used) {
        holder = &hold->holder;
        holder->embedded = true;
        hold->holder_used = true;
    } else {
        holder = malloc(sizeof *holder);
        if (holder == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        holder->embedded = false;
    }
    holder->hold = hold;
    holder->owner = Py_XNewRef(owner);
    if (hold != NULL)
        py_hold_acquire(hold);
    return holder;
}

static PyObject *versioned_tensor(const dlpack_exchange *exchange, py_holder *holder)
{
    dlpack_managed_versioned *managed = &holder->managed.versioned;
    managed->version = (dlpack_version){DLPACK_MAJOR, DLPACK_MINOR};
    managed->context = holder;
    managed->deleter = delete_versioned;
    managed->flags = 0;
    void *object = NULL;
    /* It takes over the tensor in any case, also when it fails. */
    return exchange->object_from_managed(managed, &object) == 0 ? object : NULL;
}

static PyObject *capsule_tensor(PyObject *from_dlpack, py_holder *holder)
{
    dlpack_managed *managed = &holder->managed.capsule;
    managed->context = holder;
    managed->deleter = delete_capsule_tensor;
    PyObject *capsule = PyCapsule_New(managed, "dltensor", destroy_capsule);
    if (capsule == NULL) {
        holder_free(holder);
        return NULL;
    }
    PyObject *object = PyObject_CallOneArg(from_dlpack, capsule);
    Py_DECREF(capsule);
    return object;
}

/* `strides` NULL: contiguous. DLPack before 1.2, and therefore this export, allows NULL. */
static PyObject *tensor_over(py_state *state, py_hold *hold, PyObject *owner, dlpack_dtype dtype, void *data, int ndim,
                             const npy_intp *shape, const int64_t *strides)
{
    const dlpack_exchange *exchange = state->torch.exchange;
    py_holder *holder = holder_new(hold, owner);
    if (holder == NULL)
        return NULL;
    /* Written directly where torch reads it: a copy of what was just written in parts would stall the processor. */
    dlpack_tensor *tensor = exchange != NULL ? &holder->managed.versioned.tensor : &holder->managed.capsule.tensor;
    tensor->data = data;
    tensor->device.type = DLPACK_DEVICE_CPU;
    tensor->device.id = 0;
    tensor->ndim = ndim;
    tensor->dtype = dtype;
    tensor->shape = holder->shape;
    tensor->strides = strides == NULL ? NULL : holder->strides;
    tensor->byte_offset = 0;
    for (int i = 0; i < ndim; i++) {
        holder->shape[i] = shape[i];
        if (strides != NULL)
            holder->strides[i] = strides[i];
        if (shape[i] == 0)
            tensor->data = NULL; /* as the specification requires */
    }
    if (exchange != NULL)
        return versioned_tensor(exchange, holder);
    return capsule_tensor(state->torch.from_dlpack, holder);
}

PyObject *py_torch_view(py_state *state, py_hold *hold, dlpack_dtype dtype, void *data, int ndim, const npy_intp *shape,
                        const int64_t *strides)
{
    return tensor_over(state, hold, NULL, dtype, data, ndim, shape, strides);
}

PyObject *py_torch_over(py_state *state, PyObject *owner, dlpack_dtype dtype, void *data, int ndim,
                        const npy_intp *shape, const int64_t *strides)
{
    return tensor_over(state, NULL, owner, dtype, data, ndim, shape, strides);
}

PyObject *py_torch_empty(py_state *state, const char *dtype_name, int ndim, const npy_intp *shape)
{
    PyObject *result = NULL;
    PyObject *dtype = PyObject_GetAttrString(state->torch.module, dtype_name);
    PyObject *empty = PyObject_GetAttrString(state->torch.module, "empty");
    PyObject *arguments = PyArray_IntTupleFromIntp(ndim, shape);
    PyObject *keywords = dtype ? Py_BuildValue("{s:O}", "dtype", dtype) : NULL;
    if (arguments != NULL)
        Py_SETREF(arguments, PyTuple_Pack(1, arguments));
    if (empty != NULL && arguments != NULL && keywords != NULL)
        result = PyObject_Call(empty, arguments, keywords);
    Py_XDECREF(dtype);
    Py_XDECREF(empty);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    return result;
}

/* ---- memory of tensors */

int py_torch_read(py_state *state, PyObject *tensor, dlpack_tensor *out, PyObject **keeper)
{
    *keeper = NULL;
    if (state->torch.exchange != NULL)
        return state->torch.exchange->tensor_from_object(tensor, out) == 0 ? 0 : -1;
    PyObject *plain = PyObject_CallMethodNoArgs(tensor, state->names[NAME_detach]);
    PyObject *capsule = plain ? PyObject_CallOneArg(state->torch.to_dlpack, plain) : NULL;
    Py_XDECREF(plain);
    if (capsule == NULL)
        return -1;
    const dlpack_managed *managed = PyCapsule_GetPointer(capsule, "dltensor");
    if (managed == NULL) {
        Py_DECREF(capsule);
        return -1;
    }
    *out = managed->tensor;
    *keeper = capsule; /* its destructor, torch's, frees the export */
    return 0;
}

bool py_torch_is_contiguous(const dlpack_tensor *tensor)
{
    int64_t stride = 1;
    for (int i = tensor->ndim - 1; i >= 0; i--) {
        if (tensor->shape[i] == 0)
            return true;
        if (tensor->shape[i] != 1 && tensor->strides != NULL && tensor->strides[i] != stride)
            return false;
        stride *= tensor->shape[i];
    }
    return true;
}

static int call_predicate(PyObject *tensor, PyObject *method)
{
    PyObject *answer = PyObject_CallMethodNoArgs(tensor, method);
    if (answer == NULL)
        return -1;
    int yes = PyObject_IsTrue(answer);
    Py_DECREF(answer);
    return yes;
}

int py_torch_lazy_bits(py_state *state, PyObject *tensor, dlpack_dtype dtype)
{
    if (dtype.code != PMIPC_CODE_COMPLEX && dtype.code != PMIPC_CODE_FLOAT)
        return 0;
    int lazy = call_predicate(tensor, state->names[NAME_is_neg]);
    if (lazy == 0 && dtype.code == PMIPC_CODE_COMPLEX)
        lazy = call_predicate(tensor, state->names[NAME_is_conj]);
    return lazy;
}

int py_torch_copy(py_state *state, PyObject *destination, PyObject *source)
{
    PyObject *plain = PyObject_CallMethodNoArgs(source, state->names[NAME_detach]);
    if (plain == NULL)
        return -1;
    PyObject *done = PyObject_CallMethodOneArg(destination, state->names[NAME_copy_], plain);
    Py_DECREF(plain);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}
