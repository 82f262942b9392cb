/* json.h: JSON as Python's json.dumps writes it (ASCII, no spaces), because it is compared byte by byte. */
#ifndef ROS_JSON_H
#define ROS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that grows. After an error nothing is added. A zeroed text is empty, and its owner frees `bytes`. With
 * `is_fixed`, `bytes` is the caller's memory and does not grow beyond `capacity`. */
struct ros_text {
    char *bytes; /* NUL-terminated unless it is empty */
    size_t length;
    size_t capacity;
    bool is_fixed;
    bool is_full;     /* error: no memory or no room */
    bool is_not_utf8; /* error: a string was not UTF-8 */
};

__attribute__((format(printf, 2, 3))) void ros_text_add(struct ros_text *text, const char *format, ...);

/* Add a JSON string, with its quotes. */
void ros_json_add_string(struct ros_text *text, const char *string, size_t bytes);

/* Decode the code point at `at`, where `left` bytes are left. Returns its number of bytes; 0: not UTF-8. */
uint32_t ros_utf8_decode(const unsigned char *at, size_t left, uint32_t *code);

static inline bool ros_text_is_valid(const struct ros_text *text)
{
    return !text->is_full && !text->is_not_utf8;
}

/* A parser for the JSON of dtype descriptions. */
struct ros_json {
    const char *at;
    const char *end;
    bool is_broken; /* sticky error: nothing is taken any more */
};

/* Skip `word` if it is next. Returns whether it was. */
bool ros_json_take(struct ros_json *json, const char *word);
/* Skip `word`, which must be next. */
void ros_json_expect(struct ros_json *json, const char *word);
/* Copy a string as UTF-8 with a NUL. It is an error if it does not fit into `capacity` or contains a NUL. */
void ros_json_string(struct ros_json *json, char *string, size_t capacity);
/* A number from 0 to 2^31. */
uint32_t ros_json_number(struct ros_json *json);

#endif
