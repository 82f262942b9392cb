/* camera_viewer.c: show the images of a camera pool in the terminal.
 *
 *     camera_viewer [POOL [SECONDS]]        default: camera/rgb, until Ctrl-C
 *
 * It accepts any uint8 pool of shape (height, width, 3), may be started before the camera, and continues when the
 * camera returns with another resolution (`follow_schema`). On a pipe it prints one line per second instead of images.
 */
#include <inttypes.h>
#include <polymorph_ipc/polymorph_ipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 78, ROWS = 22, CHANNELS = 3 };

static const int64_t WAIT_NS = 200000000;
static const int64_t SECOND_NS = 1000000000;

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

/* The pixels of a uint8 image of shape (height, width, 3) with at least ROWS by COLUMNS pixels, otherwise NULL. */
static const uint8_t *pixels_of(const pmipc_view *view)
{
    const pmipc_field *field = &view->schema->fields[0];
    if (field->ndim != 3 || field->shape[0] < ROWS || field->shape[1] < COLUMNS || field->shape[2] != CHANNELS)
        return NULL;
    return pmipc_view_uint8(view, NULL, field->shape[0] * field->shape[1] * CHANNELS, NULL);
}

static void draw(const pmipc_view *view, const uint8_t *pixels)
{
    const pmipc_field *field = &view->schema->fields[0];
    const char shades[] = " .:-=+*#%@";
    const int shade_count = (int)sizeof shades - 1;
    fputs("\x1b[H", stdout); /* move the cursor to the top left corner */
    for (int64_t row = 0; row < ROWS; row++) {
        for (int64_t column = 0; column < COLUMNS; column++) {
            int64_t y = row * field->shape[0] / ROWS;
            int64_t x = column * field->shape[1] / COLUMNS;
            const uint8_t *pixel = pixels + (y * field->shape[1] + x) * CHANNELS;
            int brightness = (pixel[0] + pixel[1] + pixel[2]) / 3;
            fputc(shades[brightness * shade_count / 256], stdout);
        }
        fputs("\x1b[K\n", stdout);
    }
}

static void describe(const pmipc_view *view, uint64_t frames)
{
    char schema[128];
    pmipc_schema_format(view->schema, schema, sizeof schema);
    double age_ms = (double)(pmipc_monotonic_ns() - view->published_ns) / 1e6;
    printf("%s, frame %" PRIu64 ", %" PRIu64 " seen, %.2f ms old\n", schema, view->seq, frames, age_ms);
    fflush(stdout);
}

/* Show frames until the time is over. Returns the number of frames, or -1 on failure. */
static int64_t show(pmipc_stream *camera, double seconds, pmipc_error *error)
{
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    const int64_t start_ns = pmipc_monotonic_ns();
    int64_t frames = 0, described_ns = 0;
    for (;;) {
        int64_t now_ns = pmipc_monotonic_ns();
        if (stop_asked || (seconds >= 0 && (double)(now_ns - start_ns) >= seconds * 1e9))
            return frames;
        pmipc_view view;
        pmipc_status status = pmipc_stream_get_new(camera, WAIT_NS, &view);
        if (status == PMIPC_TIMEOUT || status == PMIPC_INTERRUPTED)
            continue;
        if (status != PMIPC_OK) {
            pmipc_stream_last_error(camera, error);
            return -1;
        }
        const uint8_t *pixels = pixels_of(&view);
        if (!pixels) {
            char schema[128];
            pmipc_schema_format(view.schema, schema, sizeof schema);
            snprintf(error->text, sizeof error->text, "expected a uint8 (height, width, 3) image, got %s", schema);
            pmipc_view_release(&view);
            return -1;
        }
        frames += 1;
        if (terminal)
            draw(&view, pixels);
        if (terminal || now_ns - described_ns >= SECOND_NS) {
            describe(&view, (uint64_t)frames);
            described_ns = now_ns;
        }
        pmipc_view_release(&view);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-') {
        printf("usage: camera_viewer [POOL [SECONDS]]        default: camera/rgb, until Ctrl-C\n");
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    const char *pool = argc > 1 ? argv[1] : "camera/rgb";
    double seconds = argc > 2 ? atof(argv[2]) : -1.0;

    struct sigaction action = {.sa_handler = ask_to_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    const pmipc_stream_options options = {.follow_schema = true};
    pmipc_stream *camera;
    pmipc_error error;
    if (pmipc_stream_open(&camera, pool, &options, &error) != PMIPC_OK) {
        fprintf(stderr, "camera_viewer: %s\n", error.text);
        return 1;
    }
    int64_t frames = show(camera, seconds, &error);
    if (frames < 0)
        fprintf(stderr, "camera_viewer: %s\n", error.text);
    else
        printf("%s: %" PRId64 " frames shown\n", pool, frames);
    pmipc_stream_close(camera);
    return frames < 0 ? 1 : 0;
}
