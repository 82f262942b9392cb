/* json.h: JSON as Python's json.dumps writes it (ASCII only, no spaces), because it is compared byte by byte. */
#ifndef ROS_JSON_H
#define ROS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that grows; once something is wrong nothing is added any more. Zeroed is empty; `bytes` is freed by its owner.
 * With `is_fixed`, `bytes` is the caller's and `capacity` all there is. */
struct ros_text {
    char *bytes; /* NUL-terminated as soon as there is anything */
    size_t length;
    size_t capacity;
    bool is_fixed;
    bool is_full;     /* no memory, or no more room */
    bool is_not_utf8; /* a string was not */
};

__attribute__((format(printf, 2, 3))) void ros_text_add(struct ros_text *text, const char *format, ...);

/* Add a JSON string, with its quotes. */
void ros_json_add_string(struct ros_text *text, const char *string, size_t bytes);

/* The code point at `at`, of which `left` bytes are there, and how many bytes it takes; 0: it is not UTF-8. */
uint32_t ros_utf8_decode(const unsigned char *at, size_t left, uint32_t *code);

static inline bool ros_text_is_sound(const struct ros_text *text)
{
    return !text->is_full && !text->is_not_utf8;
}

/* Reading the little JSON that a dtype's description is. */
struct ros_json {
    const char *at;
    const char *end;
    bool is_broken; /* sticks: from then on nothing is taken */
};

/* Take `word` if it comes next. */
bool ros_json_take(struct ros_json *json, const char *word);
/* It must come next. */
void ros_json_expect(struct ros_json *json, const char *word);
/* A string into `string` as UTF-8 with a NUL; broken when it does not fit into `capacity` or holds a NUL. */
void ros_json_string(struct ros_json *json, char *string, size_t capacity);
/* A whole number of at most 2^31. */
uint32_t ros_json_number(struct ros_json *json);

#endif
