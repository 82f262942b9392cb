/* Random damage to every part of a pool file, before and while it is used: each call returns a status and never
 * crashes, hangs or accesses memory out of bounds. The contents of samples are not checked (they may be damaged), but
 * every byte is read. */
#include "helper.h"
#include "pools.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY 4

static char path[512];

static pmipc_schema damage_schema(void)
{
    const int64_t points[] = {20, 3};
    const int64_t pose[] = {7};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "points", PMIPC_FLOAT32, 2, points, PMIPC_FIELD_VARIABLE, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "pose", PMIPC_FLOAT64, 1, pose, 0, NULL));
    CHECK_OK(pmipc_schema_add_opaque(&schema, "label", 16, "S16", 3, 0, NULL, 0, NULL));
    return schema;
}

/* ---- damage ---- */

typedef struct damager {
    test_random random;
    int fd;
    uint64_t bytes; /* of the file that may be damaged */
} damager;

static uint64_t hostile_word(damager *self)
{
    const uint64_t words[] = {0,
                              1,
                              2,
                              63,
                              64,
                              65,
                              0xff,
                              0xffff,
                              0x7fff,
                              0x8000,
                              0x10000,
                              0xfffffff0,
                              0xffffffff,
                              0x100000000,
                              UINT64_MAX,
                              INT64_MAX,
                              4095,
                              4096,
                              UINT64_MAX - 1,
                              UINT64_C(1) << 63,
                              UINT64_C(1) << 48,
                              7,
                              13,
                              1000000};
    uint64_t pick = random_below(&self->random, 3 * sizeof words / sizeof words[0]);
    return pick < sizeof words / sizeof words[0] ? words[pick] : random_next(&self->random);
}

/* The first pages hold header, control page and readers, followed by the slots. Low offsets are chosen more often. */
static uint64_t random_offset(damager *self, uint64_t align)
{
    uint64_t limit = self->bytes >> random_below(&self->random, 6);
    return random_below(&self->random, limit / align) * align;
}

static void damage_once(damager *self)
{
    uint64_t word = hostile_word(self);
    ssize_t written = 0;
    switch (random_below(&self->random, 8)) {
    case 0:
    case 1:
    case 2:
        written = pwrite(self->fd, &word, 8, (off_t)random_offset(self, 8));
        break;
    case 3:
        written = pwrite(self->fd, &word, 4, (off_t)random_offset(self, 4));
        break;
    case 4:
        written = pwrite(self->fd, &word, 2, (off_t)random_offset(self, 2));
        break;
    case 5: { /* one bit */
        off_t at = (off_t)random_offset(self, 1);
        unsigned char byte = 0;
        if (pread(self->fd, &byte, 1, at) == 1)
            byte = (unsigned char)(byte ^ (1u << (word % 8)));
        written = pwrite(self->fd, &byte, 1, at);
        break;
    }
    case 6: { /* a word that is valid at another offset */
        written = pread(self->fd, &word, 8, (off_t)random_offset(self, 8));
        if (written == 8)
            written = pwrite(self->fd, &word, 8, (off_t)random_offset(self, 8));
        break;
    }
    default: { /* a random cache line */
        uint64_t line[8];
        for (int i = 0; i < 8; i++)
            line[i] = random_next(&self->random);
        written = pwrite(self->fd, line, sizeof line, (off_t)random_offset(self, 64));
        break;
    }
    }
    CHECK(written >= 0);
}

static void damage(damager *self, uint64_t most)
{
    for (uint64_t n = 1 + random_below(&self->random, most); n > 0; n--)
        damage_once(self);
}

/* ---- use ---- */

static uint64_t touched;

static void touch(const void *data, uint64_t bytes)
{
    const volatile unsigned char *at = data;
    for (uint64_t i = 0; i < bytes; i++)
        touched += at[i];
}

/* What a view promises even if the file is corrupt: known sizes, lengths within the schema, mapped memory. */
static void touch_view(pmipc_view *view)
{
    CHECK(view->field_count >= 1 && view->field_count <= PMIPC_MAX_FIELDS);
    CHECK(view->frame_count >= 1 && view->frame_count <= PMIPC_MAX_HISTORY_LEN);
    for (uint32_t i = 0; i < view->frame_count; i++) {
        pmipc_frame frame;
        pmipc_status status = pmipc_view_frame(view, i, &frame);
        if (status != PMIPC_OK) {
            CHECK_STATUS(status, PMIPC_CORRUPT); /* its lengths were overwritten since the view was made */
            continue;
        }
        for (uint32_t f = 0; f < view->field_count; f++) {
            const pmipc_field *field = &view->schema->fields[f];
            int64_t most = field->ndim > 0 ? field->shape[0] : 1;
            CHECK(frame.fields[f].length >= 0 && frame.fields[f].length <= most);
            touch(frame.fields[f].data, pmipc_field_bytes(field));
        }
    }
}

static void try_view(pmipc_status status, pmipc_view *view)
{
    if (status != PMIPC_OK)
        return;
    touch_view(view);
    pmipc_view_release(view);
}

static void use_stream(pmipc_stream *stream, test_random *random)
{
    pmipc_view view;
    pmipc_error error;
    switch (random_below(random, 10)) {
    case 0:
        try_view(pmipc_stream_get_last(stream, &view), &view);
        break;
    case 1:
        try_view(pmipc_stream_get_new(stream, 0, &view), &view);
        break;
    case 2:
        try_view(pmipc_stream_get_new(stream, 20000, &view), &view);
        break;
    case 3:
        try_view(pmipc_stream_get_next(stream, 0, &view), &view);
        break;
    case 4:
        try_view(pmipc_stream_get_window(stream, 1, HISTORY, &view), &view);
        break;
    case 5:
        try_view(pmipc_stream_get_unseen(stream, &view), &view);
        break;
    case 6:
        try_view(pmipc_stream_get_at(stream, (int64_t)random_next(random), (pmipc_at_method)random_below(random, 3), -1,
                                     &view),
                 &view);
        break;
    case 7:
        pmipc_stream_seek(stream, random_below(random, 100));
        break;
    case 8:
        pmipc_stream_last_error(stream, &error);
        break;
    default: {
        pmipc_stream_info info = stream_info(stream);
        if (info.schema)
            CHECK(info.metadata != NULL);
        break;
    }
    }
}

static void use_producer(pmipc_producer *producer, test_random *random)
{
    static const char data[1024];
    uint64_t seq;
    pmipc_error error;
    if (random_below(random, 3) == 0) {
        pmipc_loan loan;
        if (pmipc_producer_loan(producer, &loan) != PMIPC_OK) {
            pmipc_producer_last_error(producer, &error);
            return;
        }
        memset(loan.fields[0].data, 0x5a, 240);
        memset(loan.fields[1].data, 0x5a, 56);
        memset(loan.fields[2].data, 0x5a, 16);
        loan.fields[0].length = (int64_t)random_below(random, 21);
        if (random_below(random, 4) == 0)
            pmipc_producer_discard(producer, &loan);
        else if (pmipc_producer_commit(producer, &loan, (int64_t)random_next(random)) != PMIPC_OK)
            pmipc_producer_discard(producer, &loan);
        return;
    }
    const pmipc_source sources[] = {{data, (int64_t)random_below(random, 21)}, {data, 0}, {data, 0}};
    if (pmipc_producer_publish_fields(producer, sources, 3, PMIPC_STAMP_NOW, &seq) != PMIPC_OK)
        pmipc_producer_last_error(producer, &error);
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    if (random_below(random, 20) == 0)
        CHECK(pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS) <= 64);
}

static void use_registry(void)
{
    static pmipc_pool_info info;
    pmipc_error error;
    if (pmipc_pool_inspect("p", NULL, &info, &error) == PMIPC_OK) {
        CHECK(memchr(info.producer_command, '\0', sizeof info.producer_command) != NULL);
        CHECK(info.reader_count <= PMIPC_MAX_READERS);
        if (info.metadata)
            touched += strlen(info.metadata);
        CHECK_OK(pmipc_schema_check(&info.schema, NULL));
        pmipc_pool_info_release(&info);
    }
    pmipc_registry *registry;
    CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
    while (pmipc_registry_next(registry, &info) == PMIPC_OK)
        pmipc_pool_info_release(&info);
    pmipc_registry_close(registry);
}

/* ---- before it is used ---- */

static bool lost_its_magic(void)
{
    char magic[8] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pread(fd, magic, sizeof magic, 0) >= 0);
    close(fd);
    return memcmp(magic, "PICPOOL1", 8) != 0;
}

static pmipc_producer *damageable_producer(pmipc_status *status)
{
    pmipc_schema schema = damage_schema();
    pmipc_producer_options options = {.history_len = HISTORY, .metadata = "{\"unit\": \"m\"}"};
    pmipc_producer *producer = NULL;
    pmipc_error error;
    *status = pmipc_producer_open(&producer, "p", &schema, &options, &error);
    if (*status == PMIPC_CORRUPT && lost_its_magic()) { /* then it is not a pool, and only force removes it */
        CHECK_HAS(error.text, "not a pool");
        CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
        *status = pmipc_producer_open(&producer, "p", &schema, &options, &error);
    }
    return *status == PMIPC_OK ? producer : NULL;
}

/* The bytes of a sound pool file with samples, a row in use and a pinned view. */
static char *template_pool(uint64_t *bytes)
{
    pmipc_status status;
    pmipc_producer *producer = damageable_producer(&status);
    CHECK(producer);
    publish_frames(producer, 20);
    pool_path("p", path, sizeof path);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    CHECK(fd >= 0 && fstat(fd, &facts) == 0);
    char *whole = malloc((size_t)facts.st_size);
    CHECK_EQ(pread(fd, whole, (size_t)facts.st_size, 0), facts.st_size);
    close(fd);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    *bytes = (uint64_t)facts.st_size;
    return whole;
}

static void use_damaged_file(test_random *random)
{
    pmipc_stream_options options = {.start_oldest = random_below(random, 2) == 0, .follow_schema = true};
    pmipc_stream *stream = NULL;
    pmipc_error error;
    use_registry();
    pmipc_status status = pmipc_stream_open(&stream, "p", &options, &error);
    if (status == PMIPC_OK) {
        for (int i = 0; i < 6; i++)
            use_stream(stream, random);
    } else {
        CHECK(error.text[0] != '\0');
    }
    pmipc_producer *producer = damageable_producer(&status);
    for (int i = 0; producer && i < 12; i++) {
        use_producer(producer, random);
        if (stream)
            use_stream(stream, random);
    }
    /* A corrupt file never prevents the next producer: it is adopted or replaced. */
    if (!producer)
        FAIL("the next producer was refused: %s", pmipc_status_name(status));
    if (stream)
        pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(file_made_corrupt_before_open_never_crashes_any_call)
{
    damager self = {.random = random_start()};
    char *whole = template_pool(&self.bytes);
    for (int round = 0; round < ROUNDS(4000); round++) {
        self.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        CHECK(self.fd >= 0);
        CHECK_EQ(pwrite(self.fd, whole, self.bytes, 0), self.bytes);
        damage(&self, 6);
        close(self.fd);
        use_damaged_file(&self.random);
        if (access(path, F_OK) == 0)
            CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
    }
    free(whole);
}

/* Control: without damage the same file is adopted. */
TEST(undamaged_file_is_adopted)
{
    uint64_t bytes;
    char *whole = template_pool(&bytes);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK_EQ(pwrite(fd, whole, bytes, 0), bytes);
    close(fd);
    pmipc_status status;
    pmipc_producer *producer = damageable_producer(&status);
    CHECK(producer && pmipc_producer_adopted(producer));
    CHECK_EQ(publish_frame(producer), 21);
    pmipc_producer_close(producer);
    free(whole);
}

/* ---- while it is used ---- */

static void check_file_is_bounded(int fd)
{
    struct stat facts;
    CHECK_EQ(fstat(fd, &facts), 0);
    if (facts.st_size > 16 * 1024 * 1024)
        FAIL("the file has grown to %" PRId64 " bytes", (int64_t)facts.st_size);
}

/* A producer, two streams and some held views, while words of the file change between the calls. */
static void use_pool_while_it_is_damaged(damager *self)
{
    pmipc_status status;
    pmipc_producer *producer = damageable_producer(&status);
    CHECK(producer);
    publish_frames(producer, 6);
    pmipc_stream *streams[2] = {stream_open("p", NULL), stream_open("p", NULL)};
    pmipc_view held[3] = {0};
    for (int i = 0; i < 3; i++)
        if (pmipc_stream_get_window(streams[i % 2], 1, HISTORY, &held[i]) != PMIPC_OK)
            held[i].owner = NULL;
    pool_path("p", path, sizeof path);
    self->fd = open_pool_file("p");
    for (int step = 0; step < 40; step++) {
        damage(self, 3);
        use_producer(producer, &self->random);
        use_stream(streams[step % 2], &self->random);
        if (step % 10 == 0)
            use_registry();
    }
    for (int i = 0; i < 3; i++)
        if (held[i].owner)
            touch_view(&held[i]);
    check_file_is_bounded(self->fd);
    if (random_below(&self->random, 2)) {
        pmipc_producer_abandon(producer); /* the next producer finds the damaged file */
        producer = damageable_producer(&status);
        if (!producer)
            FAIL("the next producer was refused: %s", pmipc_status_name(status));
        use_producer(producer, &self->random);
    }
    for (int i = 0; i < 2; i++)
        pmipc_stream_close(streams[i]);
    for (int i = 0; i < 3; i++)
        pmipc_view_release(&held[i]);
    pmipc_producer_close(producer);
    close(self->fd);
    if (access(path, F_OK) == 0)
        unlink(path);
}

TEST(file_made_corrupt_during_use_never_crashes_any_call)
{
    damager self = {.random = random_start(), .bytes = 0};
    free(template_pool(&self.bytes));
    for (int round = 0; round < ROUNDS(400); round++)
        use_pool_while_it_is_damaged(&self);
}

/* ---- damage by another process at full speed ---- */

static void damages_forever(int channel, const char *argument)
{
    (void)argument;
    damager self = {.random = {.state = receive_word(channel)}};
    self.bytes = receive_word(channel);
    while (!word_is_waiting(channel)) {
        self.fd = open(path, O_RDWR | O_CLOEXEC);
        for (int i = 0; self.fd >= 0 && i < 200; i++)
            damage_once(&self);
        if (self.fd >= 0)
            close(self.fd);
    }
}

/* Another process overwrites the file at full speed: a value that the library reads twice may change between its check
 * and its use. */
TEST(file_made_corrupt_at_full_speed_never_crashes_any_call)
{
    test_random random = random_start();
    uint64_t bytes;
    free(template_pool(&bytes));
    helper other = helper_fork(damages_forever, "");
    send_word(other.channel, random_next(&random));
    send_word(other.channel, bytes);
    for (int round = 0; round < ROUNDS(150); round++) {
        pmipc_status status;
        pmipc_producer *producer = damageable_producer(&status);
        pmipc_stream *streams[2] = {NULL, NULL};
        for (int i = 0; i < 2; i++)
            if (pmipc_stream_open(&streams[i], "p", NULL, NULL) != PMIPC_OK)
                streams[i] = NULL;
        for (int step = 0; step < 200; step++) {
            if (producer)
                use_producer(producer, &random);
            for (int i = 0; i < 2; i++)
                if (streams[i])
                    use_stream(streams[i], &random);
        }
        use_registry();
        for (int i = 0; i < 2; i++)
            pmipc_stream_close(streams[i]);
        pmipc_producer_close(producer);
    }
    send_word(other.channel, 0);
    helper_finish(&other);
    if (access(path, F_OK) == 0)
        unlink(path);
}
