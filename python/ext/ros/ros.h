/* ros.h: messages of ROS 2 on their way into a pool and out of it. */
#ifndef PY_ROS_H
#define PY_ROS_H

#include "writing.h"

#include <polymorph_ipc/ros.h>

/* ---- ros_take.c: taking serialized messages from rcl
 * ------------------------------------------------------------------ */

/* Memory that messages are taken into, grown by rcl as it needs. Zeroed: empty. */
typedef struct py_ros_buffer {
    uint8_t *bytes;
    size_t capacity;
} py_ros_buffer;

void py_ros_buffer_free(py_ros_buffer *buffer);

/* Where a message comes from: publishers number their messages, so that gaps can be counted. */
typedef struct py_ros_origin {
    uint64_t number; /* 0: the middleware does not say */
    unsigned char publisher[16];
} py_ros_origin;

#define PY_ROS_PUBLISHERS 8 /* of one topic whose messages are counted */

/* Messages that did not arrive, of the publishers that were heard last. Zeroed: none yet. */
typedef struct py_ros_losses {
    uint64_t lost;
    uint32_t next; /* entry that a new publisher takes */
    py_ros_origin last[PY_ROS_PUBLISHERS];
} py_ros_losses;

/** False: the same message again, as far as its publisher is remembered. */
bool py_ros_losses_count(py_ros_losses *losses, const py_ros_origin *origin);

typedef enum py_ros_taken { PY_ROS_TAKEN, PY_ROS_REPEATED, PY_ROS_NOTHING, PY_ROS_FAILED } py_ros_taken;

/* A message: in memory that was offered for it, or in the buffer. */
typedef struct py_ros_message {
    const void *bytes;
    size_t length;
} py_ros_message;

/** Take the next message of an rcl_subscription_t, into `place` (may be NULL) if it is not longer than `capacity`, else
 * into the buffer. One at a time for a subscription. Needs py_rcl_find() and no GIL. `error` says what rcl said when it
 * failed. */
py_ros_taken py_ros_take(void *subscription, void *place, size_t capacity, py_ros_buffer *buffer,
                         py_ros_message *message, py_ros_origin *origin, pmipc_error *error);

/* ---- ros_texts.c: what both classes are told in Python's words ------------------------------------------------------
 */

/** Borrowed UTF-8 of a list of str; 0 texts for None. Free the array with PyMem_Free. */
int py_ros_read_texts(PyObject *list, const char *what, const char ***texts, uint32_t *count);
/** {type name: .msg text} */
pmipc_cdr_types *py_ros_read_types(py_state *state, PyObject *texts);
/** {field name: path} */
int py_ros_decoded_fields(PyObject *dict, pmipc_ros_field *fields, uint32_t *count);

/* ---- ros_decoder.c
 * ----------------------------------------------------------------------------------------------------- */

extern PyType_Spec py_ros_decoder_spec;
PyObject *py_rcl_available(PyObject *module, PyObject *unused);

/* ---- ros_encoder.c
 * ----------------------------------------------------------------------------------------------------- */

extern PyType_Spec py_ros_encoder_spec;

#endif
