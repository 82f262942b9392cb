/* ros_take.c: taking serialized messages from rcl, and counting those that did not arrive. */
#include "rcl.h"
#include "ros.h"

#include <stdlib.h>
#include <string.h>

void py_ros_buffer_free(py_ros_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (py_ros_buffer){0};
}

void py_ros_losses_count(py_ros_losses *losses, const py_ros_origin *origin)
{
    if (origin->number == 0 || origin->number == UINT64_MAX)
        return;
    for (uint32_t i = 0; i < PY_ROS_PUBLISHERS; i++) {
        py_ros_origin *last = &losses->last[i];
        if (last->number == 0 || memcmp(last->publisher, origin->publisher, sizeof last->publisher) != 0)
            continue;
        if (origin->number > last->number)
            losses->lost += origin->number - last->number - 1;
        last->number = origin->number;
        return;
    }
    losses->last[losses->next] = *origin;
    losses->next = (losses->next + 1) % PY_ROS_PUBLISHERS;
}

py_ros_taken py_ros_take(void *subscription, py_ros_buffer *buffer, py_ros_origin *origin, pmipc_error *error)
{
    /* Without any memory some middlewares would be asked to grow from 0, which not all of them can. */
    if (buffer->bytes == NULL) {
        const size_t first_bytes = 4096;
        buffer->bytes = malloc(first_bytes);
        buffer->capacity = buffer->bytes != NULL ? first_bytes : 0;
    }
    rcutils_uint8_array message = {buffer->bytes, 0, buffer->capacity, py_rcl_allocator};
    rmw_message_info info = {0};
    int code = py_rcl.take(subscription, &message, &info, NULL);
    *buffer = (py_ros_buffer){message.buffer, message.buffer_length, message.buffer_capacity};
    origin->number = info.publication_sequence_number;
    memcpy(origin->publisher, info.gid, sizeof origin->publisher);
    if (code == RCL_RET_OK)
        return PY_ROS_TAKEN;
    if (code != RCL_RET_SUBSCRIPTION_TAKE_FAILED) {
        py_rcl_explain("rcl_take_serialized_message", code, error);
        return PY_ROS_FAILED;
    }
    py_rcl.reset_error();
    return PY_ROS_NOTHING;
}
