#include "failing_operations.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

struct stage stage;

void stage_clear(void)
{
    pmipc_view_release(&stage.view);
    for (int i = 0; i < HELD_MAX; i++)
        pmipc_view_release(&stage.held[i]);
    pmipc_waiter_release(&stage.waiter);
    pmipc_registry_close(stage.registry);
    pmipc_pool_info_release(&stage.info);
    pmipc_stream_close(stage.stream);
    pmipc_stream_close(stage.second_stream);
    pmipc_stream_close(stage.bystander);
    pmipc_producer_close(stage.producer);
    pmipc_producer_close(stage.second_producer);
    memset(&stage, 0, sizeof stage);
}

void stage_pool(uint32_t frames)
{
    stage.producer = bytes_producer("p", BYTES, 3);
    stage.bystander = stream_open("p", NULL);
    if (frames == 0)
        return;
    publish_frames(stage.producer, frames);
    CHECK_OK(pmipc_stream_get_last(stage.bystander, &stage.held[0]));
}

void stage_check_bystander(void)
{
    for (int i = 0; i < 8; i++)
        publish_and_read(stage.producer, stage.bystander);
    for (int i = 0; i < HELD_MAX; i++)
        if (stage.held[i].owner)
            check_view(&stage.held[i]);
}

pmipc_status open_producer(int64_t bytes, const pmipc_producer_options *options, pmipc_error *error)
{
    pmipc_schema schema = bytes_schema(bytes);
    const pmipc_producer_options standard = {.history_len = 3};
    return pmipc_producer_open(&stage.producer, "p", &schema, options ? options : &standard, error);
}

pmipc_status open_stream(const pmipc_stream_options *options, pmipc_error *error)
{
    pmipc_stream_close(stage.stream); /* of the first try, which was made before the pool existed */
    return pmipc_stream_open(&stage.stream, "p", options, error);
}

pmipc_status of_stream(pmipc_status status, pmipc_error *error)
{
    if (status)
        pmipc_stream_last_error(stage.stream, error);
    return status;
}

pmipc_status of_producer(pmipc_status status, pmipc_error *error)
{
    if (status)
        pmipc_producer_last_error(stage.producer, error);
    return status;
}

void stage_dead_reader(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        pmipc_stream *stream = stream_open("p", NULL);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_last(stream, &view));
        _exit(0);
    }
    int status;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

void stage_remove_folder(void)
{
    if (rmdir(getenv("POLYMORPH_IPC_DIR")) != 0)
        FAIL("rmdir: %s", strerror(errno));
}
