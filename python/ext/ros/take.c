/* take.c: taking serialized messages from rcl, and counting those that were lost. */
#include "ros/take.h"

#include "ros/rcl.h"

#include <stdlib.h>
#include <string.h>

void py_ros_buffer_free(py_ros_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (py_ros_buffer){0};
}

bool py_ros_losses_count(py_ros_losses *losses, const py_ros_origin *origin)
{
    if (origin->number == 0 || origin->number == UINT64_MAX)
        return true;
    for (uint32_t i = 0; i < PY_ROS_PUBLISHERS; i++) {
        py_ros_origin *last = &losses->last[i];
        if (last->number == 0 || memcmp(last->publisher, origin->publisher, sizeof last->publisher) != 0)
            continue;
        if (origin->number <= last->number)
            return false;
        losses->lost += origin->number - last->number - 1;
        last->number = origin->number;
        return true;
    }
    losses->last[losses->next] = *origin;
    losses->next = (losses->next + 1) % PY_ROS_PUBLISHERS;
    return true;
}

/* ---- an allocator for rcl: a place that rcl must not free, and the buffer for messages that are too long for it */

typedef struct memory {
    py_ros_buffer *buffer;
    const void *place;
    size_t capacity;
} memory;

static void *memory_reallocate(void *pointer, size_t size, void *state)
{
    const memory *self = state;
    py_ros_buffer *buffer = self->buffer;
    if (size > buffer->capacity) {
        void *bytes = realloc(buffer->bytes, size);
        if (bytes == NULL)
            return NULL;
        *buffer = (py_ros_buffer){bytes, size};
    }
    if (pointer != NULL && pointer == self->place)
        memcpy(buffer->bytes, pointer, self->capacity < size ? self->capacity : size);
    return buffer->bytes;
}

static void *memory_allocate(size_t size, void *state)
{
    return memory_reallocate(NULL, size, state);
}

static void *memory_allocate_zeroed(size_t count, size_t size, void *state)
{
    void *bytes = size != 0 && count > SIZE_MAX / size ? NULL : memory_reallocate(NULL, count * size, state);
    return bytes != NULL ? memset(bytes, 0, count * size) : NULL;
}

static void memory_keep(void *pointer, void *state)
{
    (void)pointer;
    (void)state;
}

py_ros_taken py_ros_take(void *subscription, void *place, size_t capacity, py_ros_buffer *buffer,
                         py_ros_message *message, py_ros_origin *origin, pmipc_error *error)
{
    memory state = {buffer, place, capacity};
    const rcutils_allocator allocator = {memory_allocate, memory_keep, memory_reallocate, memory_allocate_zeroed,
                                         &state};
    if (place == NULL) {
        /* Not without memory: some middlewares cannot grow from 0 bytes. */
        const size_t first_bytes = 4096;
        place = buffer->bytes != NULL ? buffer->bytes : memory_allocate(first_bytes, &state);
        capacity = buffer->capacity;
    }
    rcutils_uint8_array array = {place, 0, capacity, allocator};
    rmw_message_info info = {0};
    int code = py_rcl.take(subscription, &array, &info, NULL);
    *message = (py_ros_message){array.buffer, array.buffer_length};
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
