/* take.h: taking serialized messages from rcl, and counting those that were lost. */
#ifndef PY_ROS_TAKE_H
#define PY_ROS_TAKE_H

#include "core/state.h"

/* Memory that messages are taken into; rcl grows it as it needs. Zeroed: empty. */
typedef struct py_ros_buffer {
    uint8_t *bytes;
    size_t capacity;
} py_ros_buffer;

void py_ros_buffer_free(py_ros_buffer *buffer);

/* Where a message comes from. Publishers number their messages, so that gaps can be counted. */
typedef struct py_ros_origin {
    uint64_t number; /* 0: unknown to the middleware */
    unsigned char publisher[16];
} py_ros_origin;

#define PY_ROS_PUBLISHERS 8 /* publishers of one topic whose messages are counted */

/* Messages that did not arrive, from the publishers that sent last. Zeroed: none yet. */
typedef struct py_ros_losses {
    uint64_t lost;
    uint32_t next; /* the entry for the next new publisher */
    py_ros_origin last[PY_ROS_PUBLISHERS];
} py_ros_losses;

/** Count the messages that are missing before this one. False: the message was taken before, as far as its publisher is
 *  remembered. */
bool py_ros_losses_count(py_ros_losses *losses, const py_ros_origin *origin);

typedef enum py_ros_taken { PY_ROS_TAKEN, PY_ROS_REPEATED, PY_ROS_NOTHING, PY_ROS_FAILED } py_ros_taken;

/* A message: in the place that was offered for it, or in the buffer. */
typedef struct py_ros_message {
    const void *bytes;
    size_t length;
} py_ros_message;

/** Take the next message of an rcl_subscription_t: into `place` (may be NULL) if it is not longer than `capacity`, else
 *  into the buffer. One call at a time for a subscription. Needs py_rcl_find() and no GIL. On failure `error` has rcl's
 *  text. */
py_ros_taken py_ros_take(void *subscription, void *place, size_t capacity, py_ros_buffer *buffer,
                         py_ros_message *message, py_ros_origin *origin, pmipc_error *error);

#endif
