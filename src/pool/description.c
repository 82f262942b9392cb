/* description.c: planning the layout of a pool, writing it, reading and checking it. */
#include "pool/description.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/memory.h"
#include "os/random.h"

#define PAYLOAD_ALIGNMENT 64u
#define POOL_BYTES_MAX (UINT64_C(1) << 47)

static uint64_t round_up(uint64_t value, uint64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static void plan_payload(const pmipc_schema *schema, struct payload_layout *payload)
{
    memset(payload, 0, sizeof *payload);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const pmipc_field *field = &schema->fields[i];
        bool variable = field->flags & PMIPC_FIELD_VARIABLE;
        payload->offsets[i] = payload->bytes;
        payload->field_bytes[i] = pmipc_field_bytes(field);
        payload->row_bytes[i] = field->itemsize;
        for (uint32_t d = 1; d < field->ndim; d++)
            payload->row_bytes[i] *= (uint64_t)field->shape[d];
        payload->length_index[i] = variable ? (int32_t)payload->variable_count++ : -1;
        payload->bytes = round_up(payload->bytes + payload->field_bytes[i], PAYLOAD_ALIGNMENT);
    }
    /* No padding follows the last field. */
    uint32_t last = schema->field_count - 1;
    payload->bytes = payload->offsets[last] + payload->field_bytes[last];
}

/* The next power of two if that is less than a page, else whole pages. */
static uint64_t plan_stride(uint64_t payload_bytes, uint64_t page_bytes)
{
    uint64_t needed = round_up(payload_bytes, CACHE_LINE_BYTES) + sizeof(struct slot_header);
    if (needed >= page_bytes)
        return round_up(needed, page_bytes);
    uint64_t stride = CACHE_LINE_BYTES;
    while (stride < needed)
        stride *= 2;
    return stride;
}

/* The geometry follows from schema, history_len, spare and the size of the metadata. A reader of the file computes it
 * again and compares. */
static bool plan_geometry(const pmipc_schema *schema, const struct payload_layout *payload, uint32_t history_len,
                          uint32_t spare, uint64_t metadata_bytes, struct pool_geometry *geometry)
{
    uint64_t page_bytes = memory_page_bytes();
    uint64_t stride = plan_stride(payload->bytes, page_bytes);
    uint64_t step = stride < page_bytes ? page_bytes / stride : 1;
    uint64_t slots = round_up((uint64_t)history_len + spare, step);
    memset(geometry, 0, sizeof *geometry);
    if (history_len < 1 || history_len > PMIPC_MAX_HISTORY_LEN || spare < 1 || slots > MAX_SLOTS ||
        payload->bytes > POOL_BYTES_MAX || stride > POOL_BYTES_MAX / slots || metadata_bytes > PMIPC_MAX_METADATA_BYTES)
        return false;
    geometry->page_bytes = (uint32_t)page_bytes;
    geometry->history_len = history_len;
    geometry->initial_slots = (uint32_t)slots;
    geometry->slots_per_step = (uint32_t)step;
    geometry->spare = spare;
    geometry->schema_offset = round_up(POOL_RING_OFFSET + (uint64_t)history_len * 8, CACHE_LINE_BYTES);
    geometry->schema_bytes = schema->field_count * sizeof(pmipc_field) + schema->text_bytes;
    geometry->metadata_offset = round_up(geometry->schema_offset + geometry->schema_bytes, CACHE_LINE_BYTES);
    geometry->metadata_bytes = metadata_bytes;
    geometry->readers_offset = round_up(geometry->metadata_offset + metadata_bytes, page_bytes);
    geometry->slots_offset = geometry->readers_offset + round_up(sizeof(struct pool_readers), page_bytes);
    if (stride >= page_bytes)
        geometry->slots_offset += page_bytes; /* headroom of the first slot */
    geometry->stride = stride;
    geometry->payload_bytes = payload->bytes;
    return true;
}

static uint64_t checksum(const struct pool_description *description)
{
    struct pool_header header = description->header;
    header.checksum = 0;
    uint64_t hash = layout_hash(LAYOUT_HASH_START, &header, sizeof header);
    hash = layout_hash(hash, description->schema.fields, description->schema.field_count * sizeof(pmipc_field));
    hash = layout_hash(hash, description->schema.text, description->schema.text_bytes);
    return layout_hash(hash, description->metadata, header.geometry.metadata_bytes);
}

/* Never 0, and not negative as a signed number. */
static uint64_t random_incarnation(void)
{
    uint64_t incarnation = random_identity() & INT64_MAX;
    return incarnation ? incarnation : 1;
}

static struct pool_description *allocate_description(const char *metadata, size_t metadata_bytes)
{
    struct pool_description *description = calloc(1, sizeof *description);
    char *copy = calloc(1, metadata_bytes + 1);
    if (!description || !copy) {
        free(description);
        free(copy);
        return NULL;
    }
    if (metadata && metadata_bytes)
        memcpy(copy, metadata, metadata_bytes);
    description->metadata = copy;
    store_relaxed(&description->references, 1);
    return description;
}

pmipc_status description_make(const char *name, const pmipc_schema *schema, const pmipc_producer_options *options,
                              struct pool_description **description, pmipc_error *error)
{
    pmipc_status status = pmipc_schema_check(schema, error);
    if (status)
        return status;
    size_t metadata_bytes = options->metadata && options->metadata[0] ? strlen(options->metadata) + 1 : 0;
    if (metadata_bytes > PMIPC_MAX_METADATA_BYTES)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "pool '%s': the metadata has %zu bytes; the maximum is %u",
                         name, metadata_bytes, PMIPC_MAX_METADATA_BYTES);
    struct pool_description *made = allocate_description(options->metadata, metadata_bytes);
    if (!made)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    /* Copy field by field, so that bytes after names and after the last field are zero: equal schemas have equal
     * bytes. */
    made->schema.field_count = schema->field_count;
    made->schema.text_bytes = schema->text_bytes;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        made->schema.fields[i] = schema->fields[i];
        memset(made->schema.fields[i].name, 0, sizeof made->schema.fields[i].name);
        memcpy(made->schema.fields[i].name, schema->fields[i].name, strlen(schema->fields[i].name));
    }
    memcpy(made->schema.text, schema->text, schema->text_bytes);
    plan_payload(&made->schema, &made->payload);

    struct pool_header *header = &made->header;
    if (!plan_geometry(&made->schema, &made->payload, options->history_len, options->spare, metadata_bytes,
                       &header->geometry)) {
        error_set(
            error, PMIPC_INVALID_ARGUMENT, 0,
            "pool '%s' cannot be created with history_len %u, spare %u and %llu bytes per sample: history_len must be "
            "1 to %d, the number of slots at most %u, and their size together at most 2^47 bytes",
            name, options->history_len, options->spare, (unsigned long long)made->payload.bytes, PMIPC_MAX_HISTORY_LEN,
            MAX_SLOTS);
        description_release(made);
        return PMIPC_INVALID_ARGUMENT;
    }
    header->magic = POOL_MAGIC;
    header->layout_version = POOL_LAYOUT_VERSION;
    header->header_bytes = sizeof *header;
    header->fingerprint = layout_fingerprint();
    header->incarnation = random_incarnation();
    header->lineage = header->incarnation;
    header->field_count = schema->field_count;
    header->text_bytes = schema->text_bytes;
    header->origin = options->origin;
    header->created_ns = clock_realtime_ns();
    strncpy(header->name, name, sizeof header->name - 1);
    header->checksum = checksum(made);
    *description = made;
    return PMIPC_OK;
}

pmipc_status pool_file_read(int fd, void *buffer, size_t bytes, uint64_t offset, const char *name, pmipc_error *error)
{
    size_t got = 0;
    while (got < bytes) {
        ssize_t length = pread(fd, (char *)buffer + got, bytes - got, (off_t)(offset + got));
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_of_call(error, errno, name, "read its file");
        if (length == 0)
            return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its file is truncated at %llu bytes", name,
                             (unsigned long long)(offset + got));
        got += (size_t)length;
    }
    return PMIPC_OK;
}

pmipc_status pool_file_measure(int fd, uint64_t *bytes, const char *name, pmipc_error *error)
{
    int64_t measured = file_bytes(fd);
    if (measured < 0)
        return error_of_call(error, (int)-measured, name, "examine its file");
    *bytes = (uint64_t)measured;
    return PMIPC_OK;
}

static pmipc_status check_header(const struct pool_header *header, const char *name, pmipc_error *error)
{
    if (header->magic != POOL_MAGIC)
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its file is not a pool (its magic number is 0x%llx)",
                         name, (unsigned long long)header->magic);
    if (header->layout_version != POOL_LAYOUT_VERSION)
        return error_set(
            error, PMIPC_INCOMPATIBLE, 0,
            "pool '%s' has layout version %u, and this build of polymorph_ipc (%s) reads version %u; use the same "
            "release in both processes",
            name, header->layout_version, pmipc_version(), POOL_LAYOUT_VERSION);
    if (header->fingerprint != layout_fingerprint() || header->header_bytes != sizeof *header)
        return error_set(
            error, PMIPC_INCOMPATIBLE, 0,
            "pool '%s' was created by a build of polymorph_ipc with another memory layout (another release, "
            "architecture or compiler options); use the same build in both processes",
            name);
    const struct pool_geometry *geometry = &header->geometry;
    if (geometry->page_bytes != memory_page_bytes())
        return error_set(
            error, PMIPC_INCOMPATIBLE, 0,
            "pool '%s' was created with pages of %u bytes, and this system has pages of %zu bytes; create it on "
            "this system",
            name, geometry->page_bytes, memory_page_bytes());
    if (header->incarnation == 0 || header->lineage == 0 || header->field_count == 0 ||
        header->field_count > PMIPC_MAX_FIELDS || header->text_bytes > PMIPC_MAX_DESCR_TEXT ||
        geometry->metadata_bytes > PMIPC_MAX_METADATA_BYTES || geometry->history_len == 0 ||
        geometry->history_len > PMIPC_MAX_HISTORY_LEN ||
        geometry->schema_bytes != header->field_count * sizeof(pmipc_field) + header->text_bytes ||
        geometry->schema_offset > (UINT64_C(1) << 24) || geometry->metadata_offset > (UINT64_C(1) << 25))
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its header is corrupt", name);
    return PMIPC_OK;
}

static pmipc_status read_body(int fd, const char *name, struct pool_description *description, pmipc_error *error)
{
    const struct pool_header *header = &description->header;
    const struct pool_geometry *geometry = &header->geometry;
    size_t field_bytes = header->field_count * sizeof(pmipc_field);
    pmipc_schema *schema = &description->schema;
    schema->field_count = header->field_count;
    schema->text_bytes = header->text_bytes;
    pmipc_status status = pool_file_read(fd, schema->fields, field_bytes, geometry->schema_offset, name, error);
    if (!status)
        status =
            pool_file_read(fd, schema->text, schema->text_bytes, geometry->schema_offset + field_bytes, name, error);
    if (!status)
        status =
            pool_file_read(fd, description->metadata, geometry->metadata_bytes, geometry->metadata_offset, name, error);
    if (status)
        return status;
    if (checksum(description) != header->checksum)
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its header is corrupt (wrong checksum)", name);
    pmipc_error reason;
    if (pmipc_schema_check(schema, &reason) != PMIPC_OK)
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its schema is corrupt: %s", name, reason.text);
    plan_payload(schema, &description->payload);
    struct pool_geometry planned;
    if (!plan_geometry(schema, &description->payload, geometry->history_len, geometry->spare, geometry->metadata_bytes,
                       &planned) ||
        memcmp(&planned, geometry, sizeof planned) != 0)
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its header is corrupt (geometry and schema disagree)",
                         name);
    if (strcmp(header->name, name) != 0)
        return error_set(error, PMIPC_CORRUPT, 0,
                         "pool '%s': its file was copied or renamed: its header has another name", name);
    return PMIPC_OK;
}

pmipc_status description_read(int fd, const char *name, struct pool_description **description, pmipc_error *error)
{
    struct pool_header header;
    pmipc_status status = pool_file_read(fd, &header, sizeof header, 0, name, error);
    if (!status)
        status = check_header(&header, name, error);
    if (status)
        return status;
    struct pool_description *read = allocate_description(NULL, header.geometry.metadata_bytes);
    if (!read)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    read->header = header;
    read->header.name[sizeof read->header.name - 1] = '\0';
    status = read_body(fd, name, read, error);
    if (status) {
        description_release(read);
        return status;
    }
    *description = read;
    return PMIPC_OK;
}

void description_write(const struct pool_description *description, char *base)
{
    const struct pool_geometry *geometry = &description->header.geometry;
    size_t field_bytes = description->schema.field_count * sizeof(pmipc_field);
    memcpy(base + geometry->schema_offset, description->schema.fields, field_bytes);
    memcpy(base + geometry->schema_offset + field_bytes, description->schema.text, description->schema.text_bytes);
    memcpy(base + geometry->metadata_offset, description->metadata, geometry->metadata_bytes);
    memcpy(base, &description->header, sizeof description->header);
}

void description_continue(struct pool_description *description, const struct pool_description *predecessor)
{
    description->header.lineage = predecessor->header.lineage;
    description->header.checksum = checksum(description);
}

bool description_serves(const struct pool_description *existing, const struct pool_description *wanted)
{
    const struct pool_geometry *geometry = &existing->header.geometry, *other = &wanted->header.geometry;
    if (geometry->history_len != other->history_len || geometry->spare != other->spare ||
        existing->header.origin != wanted->header.origin || strcmp(existing->metadata, wanted->metadata) != 0 ||
        pmipc_schema_compatible(&wanted->schema, &existing->schema, NULL) != PMIPC_OK)
        return false;
    /* The rest of the geometry follows from these and the schema: description_read has planned it again. */
    for (uint32_t i = 0; i < wanted->schema.field_count; i++)
        if (existing->schema.fields[i].ndim && existing->schema.fields[i].shape[0] < wanted->schema.fields[i].shape[0])
            return false;
    return true;
}

bool description_allows_slots(const struct pool_description *description, uint32_t slots)
{
    const struct pool_geometry *geometry = &description->header.geometry;
    return slots >= geometry->initial_slots && slots <= MAX_SLOTS && slots <= POOL_BYTES_MAX / geometry->stride &&
           (slots - geometry->initial_slots) % geometry->slots_per_step == 0;
}

void description_retain(struct pool_description *description)
{
    fetch_add_relaxed(&description->references, 1);
}

void description_release(struct pool_description *description)
{
    if (!description || atomic_fetch_sub_explicit(&description->references, 1, memory_order_acq_rel) != 1)
        return;
    free(description->metadata);
    free(description);
}
