/* fuzz_schema.c: schemas that are built by calls and then changed word by word. A schema that passes the check has a
 * layout and a text, and is equal to itself. A schema that does not pass gets an error message.
 *
 * Input: options (4 bytes), then edits of 12 bytes: what, field, place, more, value. */
#include "check.h"
#include "pool/description.h"

struct edit {
    uint8_t what;
    uint8_t field;
    uint8_t place; /* in units of `what` */
    uint8_t more;
    uint64_t value;
};

#define EDIT_BYTES 12
#define EDITS_MAX 40

static void add_field(pmipc_schema *schema, const struct edit *edit)
{
    static const pmipc_dtype dtypes[] = {PMIPC_UINT8,      PMIPC_FLOAT64, PMIPC_BFLOAT16,
                                         PMIPC_LONGDOUBLE, PMIPC_BOOL,    PMIPC_OPAQUE};
    char name[PMIPC_MAX_FIELD_NAME + 8];
    const int64_t shape[PMIPC_MAX_NDIM + 1] = {
        (int64_t)edit->value, (int64_t)(edit->value >> 16) & 0xffff, 2, 1, 1, 1, 1, 1, 1};
    snprintf(name, sizeof name, "%.*s%u", edit->field % 70,
             "a name of a field that is as long as it may be, or a little longer", schema->field_count);
    const uint32_t before = schema->field_count;
    pmipc_error error;
    pmipc_status status;
    if (edit->what & 1)
        status = pmipc_schema_add_opaque(schema, name, edit->more, "[('x', '<f4')]", edit->field % 15u,
                                         edit->place % 10, shape, edit->what >> 7, &error);
    else
        status =
            pmipc_schema_add(schema, name, dtypes[edit->more % 6], edit->place % 10, shape, edit->what >> 7, &error);
    require_status("schema_add", status, STATUS(OK) | STATUS(INVALID_ARGUMENT));
    REQUIRE(schema->field_count == before + (status == PMIPC_OK));
    if (status)
        require_message("schema_add", status, &error);
}

static void apply(pmipc_schema *schema, const struct edit *edit)
{
    pmipc_field *field = &schema->fields[edit->field % PMIPC_MAX_FIELDS];
    switch (edit->what % 8) {
    case 0:
    case 1:
        if (schema->field_count == 0 || pmipc_schema_check(schema, NULL) == PMIPC_OK)
            add_field(schema, edit);
        break;
    case 2:
        field->shape[edit->place % PMIPC_MAX_NDIM] = (int64_t)edit->value;
        break;
    case 3: {
        uint32_t *words[] = {&field->dtype,        &field->itemsize,    &field->ndim,         &field->flags,
                             &field->descr_offset, &field->descr_bytes, &schema->field_count, &schema->text_bytes};
        *words[edit->place % 8] = (uint32_t)edit->value;
        break;
    }
    case 4:
        for (unsigned i = 0; i <= edit->more % 8u; i++)
            field->name[(edit->place + i) % sizeof field->name] = (char)(edit->value >> 8 * i);
        break;
    case 5:
        memcpy(schema->text + edit->place * (edit->more & 15u), &edit->value, sizeof edit->value);
        break;
    case 6:
        memset(field->name, (int)edit->value, edit->place % (sizeof field->name + 1));
        break;
    default:
        *field = schema->fields[edit->place % PMIPC_MAX_FIELDS];
        break;
    }
}

static void check_layout(const pmipc_schema *schema, const pmipc_producer_options *options)
{
    struct pool_description *made;
    pmipc_error error;
    pmipc_status status = description_make("p", schema, options, &made, &error);
    require_status("description_make", status, STATUS(OK) | STATUS(INVALID_ARGUMENT));
    if (status) {
        require_message("description_make", status, &error);
        return;
    }
    const struct pool_geometry *geometry = &made->header.geometry;
    const struct payload_layout *payload = &made->payload;
    uint64_t end = 0;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        REQUIRE(payload->offsets[i] % 64 == 0 && payload->offsets[i] >= end);
        end = payload->offsets[i] + payload->field_bytes[i];
        REQUIRE(payload->length_index[i] < (int32_t)payload->variable_count);
    }
    REQUIRE(payload->bytes == end && geometry->payload_bytes == end &&
            payload->variable_count <= PMIPC_MAX_VARIABLE_FIELDS);
    REQUIRE(geometry->stride >= slot_header_offset(geometry) + sizeof(struct slot_header) &&
            geometry->stride % CACHE_LINE_BYTES == 0);
    REQUIRE(geometry->schema_offset >= POOL_RING_OFFSET + 8 * (uint64_t)geometry->history_len);
    REQUIRE(geometry->metadata_offset >= geometry->schema_offset + geometry->schema_bytes);
    REQUIRE(geometry->readers_offset >= geometry->metadata_offset + geometry->metadata_bytes);
    REQUIRE(geometry->slots_offset >= geometry->readers_offset + sizeof(struct pool_readers));
    REQUIRE(geometry->readers_offset % geometry->page_bytes == 0 && geometry->slots_offset % geometry->page_bytes == 0);
    REQUIRE(geometry->initial_slots * geometry->stride % geometry->page_bytes == 0);
    REQUIRE(geometry->initial_slots > geometry->history_len && geometry->initial_slots <= MAX_SLOTS);
    REQUIRE(description_file_bytes(made, geometry->initial_slots) < (UINT64_C(1) << 48));
    REQUIRE(description_allows_slots(made, geometry->initial_slots));
    description_release(made);
}

static void check_text(const pmipc_schema *schema, size_t capacity)
{
    char whole[8192];
    size_t length = pmipc_schema_format(schema, whole, sizeof whole);
    REQUIRE(length > 0);
    require_text("format", whole, sizeof whole);
    char *cut = require_memory(capacity);
    REQUIRE(pmipc_schema_format(schema, cut, capacity) == length);
    if (capacity)
        require_text("format, cut", cut, capacity);
    free(cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pmipc_schema schema, other;
    if (size < 4 || size > 4 + EDITS_MAX * EDIT_BYTES)
        return -1;
    pmipc_schema_init(&schema);
    for (size_t at = 4; at + EDIT_BYTES <= size; at += EDIT_BYTES) {
        struct edit edit = {data[at], data[at + 1], data[at + 2], data[at + 3], 0};
        memcpy(&edit.value, data + at + 4, sizeof edit.value);
        other = schema;
        apply(&schema, &edit);
    }
    pmipc_error error;
    pmipc_status status = pmipc_schema_check(&schema, &error);
    require_status("schema_check", status, STATUS(OK) | STATUS(INVALID_ARGUMENT));
    if (status) {
        require_message("schema_check", status, &error);
        return 0;
    }
    REQUIRE(pmipc_schema_compare(&schema, &schema, NULL) == PMIPC_OK);
    if (pmipc_schema_check(&other, NULL) == PMIPC_OK) {
        status = pmipc_schema_compare(&schema, &other, &error);
        require_status("schema_compare", status, STATUS(OK) | STATUS(SCHEMA_MISMATCH));
        REQUIRE(pmipc_schema_compare(&other, &schema, NULL) == status);
        if (status)
            require_message("schema_compare", status, &error);
    }
    const uint32_t number = (uint32_t)data[0] | (uint32_t)data[1] << 8;
    const pmipc_producer_options options = {.history_len = number, .spare = data[2] ? data[2] : UINT32_MAX};
    check_text(&schema, data[3] * 4u + data[2] % 4u);
    check_layout(&schema, &options);
    return 0;
}
