/* Two users in one registry folder: which files a producer adopts, errors about missing permissions, and the default
 * folder. */
#include "helper.h"
#include "pools.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 500
#define OTHER_USER 65534
#define THIRD_USER 12345
#define GROUP 12346

static char file_path[512];

/* Run `body` as another user, in a process that ends with it. */
static void as_user(uid_t uid, gid_t gid, void (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
        CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0); /* otherwise /proc/self belongs to root */
        body();
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static pmipc_status open_with(uint32_t mode, pmipc_producer **producer, pmipc_error *error)
{
    pmipc_schema schema = bytes_schema(BYTES);
    const pmipc_producer_options options = {.history_len = 4, .mode = mode};
    return pmipc_producer_open(producer, "p", &schema, &options, error);
}

static void leave_pool(uint32_t mode)
{
    pmipc_producer *producer;
    CHECK_OK(open_with(mode, &producer, NULL));
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
}

static void leave_private_pool(void)
{
    leave_pool(0600);
}

static void leave_group_pool(void)
{
    leave_pool(0660);
}

static void leave_open_pool(void)
{
    leave_pool(0666);
}

static void share_folder(mode_t mode)
{
    CHECK_EQ(chmod(test_folder(), mode), 0);
    snprintf(file_path, sizeof file_path, "%s/p", test_folder());
}

/* The file belongs to this process, has exactly this mode, and has nothing from the old pool. */
static void check_replaced(uint32_t asked, mode_t mode)
{
    pmipc_producer *producer;
    pmipc_error error = {0};
    struct stat file;
    pmipc_status status = open_with(asked, &producer, &error);
    if (status)
        FAIL("%s", error.text);
    CHECK(!pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 0);
    CHECK_EQ(stat(file_path, &file), 0);
    CHECK(file.st_uid == geteuid() && (file.st_mode & 07777) == mode);
    pmipc_producer_close(producer);
}

static void check_refused(uint32_t mode)
{
    pmipc_producer *producer;
    pmipc_error error = {0};
    CHECK_STATUS(open_with(mode, &producer, &error), PMIPC_PERMISSION);
    CHECK_HAS(error.text, "pool 'p'");
    CHECK_HAS(error.text, "created by another user");
    CHECK_HAS(error.text, file_path);
    CHECK_HAS(error.text, "uid 65534");
}

static void check_adopted(uint32_t mode)
{
    pmipc_producer *producer;
    pmipc_error error = {0};
    pmipc_status status = open_with(mode, &producer, &error);
    if (status)
        FAIL("%s", error.text);
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(publish_frame(producer), 4);
    pmipc_producer_abandon(producer);
}

static void replace_private(void)
{
    check_replaced(0, 0600);
}

static void replace_group(void)
{
    check_replaced(0660, 0660);
}

static void refuse_private(void)
{
    check_refused(0);
}

static void refuse_group(void)
{
    check_refused(0660);
}

static void refuse_open(void)
{
    check_refused(0666);
}

static void adopt_group(void)
{
    check_adopted(0660);
}

static void adopt_open(void)
{
    check_adopted(0666);
}

static void remove_pool(void)
{
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* If a producer with mode 0600 adopted a pool of another user with mode 0666, every user could read its samples. */
TEST_WITH(orphaned_pool_of_other_user_is_replaced_if_possible, .two_users = true)
{
    share_folder(0777);
    as_user(OTHER_USER, OTHER_USER, leave_open_pool);
    as_user(THIRD_USER, THIRD_USER, replace_private);
    as_user(OTHER_USER, OTHER_USER, leave_open_pool);
    as_user(THIRD_USER, THIRD_USER, replace_group); /* other permission bits */
    as_user(OTHER_USER, OTHER_USER, leave_open_pool);
    replace_private();
    as_user(OTHER_USER, getegid(),
            leave_private_pool); /* the same group and bits, but the mode does not let others write */
    replace_private();
    share_folder(01777);
    as_user(OTHER_USER, OTHER_USER, leave_open_pool);
    replace_private(); /* as root */
}

TEST_WITH(orphaned_pool_of_other_user_is_refused_and_owner_named, .two_users = true)
{
    share_folder(01777);
    as_user(OTHER_USER, OTHER_USER, leave_open_pool);
    as_user(THIRD_USER, THIRD_USER, refuse_private);
    as_user(THIRD_USER, THIRD_USER, refuse_group);
    pmipc_pool_info *info = inspect("p"); /* refused before anything was written to the file */
    CHECK(!info->retired);
    CHECK_EQ(info->owner_epoch, 1);
    inspect_release(info);
    remove_pool();
}

TEST_WITH(pool_of_other_user_with_same_mode_and_group_is_adopted, .two_users = true)
{
    share_folder(01777);
    as_user(OTHER_USER, GROUP, leave_open_pool);
    as_user(THIRD_USER, THIRD_USER, refuse_open); /* another group */
    as_user(THIRD_USER, GROUP, refuse_group);     /* other permission bits */
    as_user(THIRD_USER, GROUP, adopt_open);
    remove_pool();
    as_user(OTHER_USER, GROUP, leave_group_pool);
    as_user(THIRD_USER, GROUP, adopt_group);
    remove_pool();
}

TEST_WITH(setgid_folder_determines_group_of_pool, .two_users = true)
{
    CHECK_EQ(chown(test_folder(), 0, GROUP), 0);
    share_folder(03777);
    as_user(OTHER_USER, OTHER_USER, leave_open_pool);
    as_user(THIRD_USER, THIRD_USER, adopt_open);
    remove_pool();
    as_user(OTHER_USER, OTHER_USER, leave_open_pool);
    CHECK_EQ(chown(file_path, OTHER_USER, THIRD_USER), 0);
    as_user(THIRD_USER, THIRD_USER, refuse_open); /* its own group, but a new file gets the group of the folder */
    remove_pool();
}

static void stay_busy(void)
{
    pmipc_producer *producer;
    pmipc_error error = {0};
    CHECK_STATUS(open_with(0, &producer, &error), PMIPC_BUSY);
    CHECK_HAS(error.text, "of uid 65534");
}

ROLE(owns_an_open_pool)
{
    (void)argument;
    CHECK(setgroups(0, NULL) == 0 && setresgid(OTHER_USER, OTHER_USER, OTHER_USER) == 0);
    CHECK(setresuid(OTHER_USER, OTHER_USER, OTHER_USER) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    pmipc_producer *producer;
    CHECK_OK(open_with(0666, &producer, NULL));
    send_word(channel, 1);
    (void)receive_word(channel);
    pmipc_producer_close(producer);
}

TEST_WITH(live_pool_of_other_user_is_busy_and_owner_named, .two_users = true)
{
    share_folder(0777);
    helper owner = helper_start("owns_an_open_pool", "");
    CHECK_EQ(receive_word(owner.channel), 1);
    as_user(THIRD_USER, THIRD_USER, stay_busy);
    stay_busy();
    send_word(owner.channel, 0);
    helper_finish(&owner);
}

/* ---- permissions of streams ---- */

static const char *missing;

static void check_missing_permission(void)
{
    char words[64];
    pmipc_stream *stream;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&stream, "p", NULL, &error), PMIPC_PERMISSION);
    snprintf(words, sizeof words, "no permission to %s %s", missing, test_folder());
    CHECK_HAS(error.text, words);
    CHECK_HAS(error.text, "uid 65534, gid 65534, mode 06");
    CHECK_HAS(error.text, "this process is uid 12345, gid 12345");
    CHECK_HAS(error.text, "0660");
}

TEST_WITH(permission_error_of_stream_names_permission_and_owner, .two_users = true)
{
    share_folder(0777);
    as_user(OTHER_USER, OTHER_USER, leave_private_pool);
    missing = "read";
    as_user(THIRD_USER, THIRD_USER, check_missing_permission);
    CHECK_EQ(chmod(file_path, 0644), 0); /* a mode that no producer sets */
    missing = "write";
    as_user(THIRD_USER, THIRD_USER, check_missing_permission);
    remove_pool();
}

/* ---- clean ---- */

static unsigned left;

static void count_left(const char *name, uint64_t file_bytes, const char *left_because, void *context)
{
    (void)file_bytes;
    (void)context;
    CHECK_TEXT(name, "p");
    CHECK(left_because != NULL);
    left++;
}

static void clean_pools_of_other_users(void)
{
    left = 0;
    CHECK_OK(pmipc_registry_clean(NULL, count_left, NULL, NULL));
    CHECK_EQ(left, 1);
}

TEST_WITH(clean_reports_pools_that_it_may_not_remove, .two_users = true)
{
    share_folder(01777);
    as_user(OTHER_USER, OTHER_USER, leave_private_pool);
    as_user(THIRD_USER, THIRD_USER, clean_pools_of_other_users);
    CHECK_EQ(chmod(file_path, 0666), 0);
    as_user(THIRD_USER, THIRD_USER, clean_pools_of_other_users); /* the folder is sticky */
    remove_pool();
}

/* ---- the default folder ---- */

static char target[64], standard[64];

static void check_link_is_refused(void)
{
    pmipc_producer *producer;
    pmipc_stream *stream;
    pmipc_error error = {0};
    unsetenv("POLYMORPH_IPC_DIR");
    CHECK_STATUS(open_with(0, &producer, &error), PMIPC_PERMISSION);
    CHECK_HAS(error.text, standard);
    CHECK_HAS(error.text, "symbolic link of uid 0");
    CHECK_STATUS(pmipc_stream_open(&stream, "p", NULL, &error), PMIPC_PERMISSION);
    CHECK_HAS(error.text, "symbolic link of uid 0");
}

/* The link leads to a folder of the user, which passes the checks of owner and mode. */
TEST_WITH(default_folder_that_is_symbolic_link_is_refused, .two_users = true)
{
    const uid_t uid = THIRD_USER + (uid_t)(getpid() % 10000);
    snprintf(standard, sizeof standard, "/dev/shm/polymorph_ipc-%u", (unsigned)uid);
    snprintf(target, sizeof target, "%s/target", test_folder());
    CHECK_EQ(chmod(test_folder(), 0755), 0);
    CHECK(mkdir(target, 0700) == 0 && chown(target, uid, uid) == 0);
    CHECK_EQ(symlink(target, standard), 0);
    as_user(uid, uid, check_link_is_refused);
    CHECK_EQ(unlink(standard), 0);
    CHECK_EQ(folder_entries(target), 0);
    CHECK_EQ(rmdir(target), 0);
}

static char other_folder[64], other_entry[128], missing_name[32];

/* Errors of inspect, remove and a stream for a pool that is not in the default folder of this user. */
static void check_missing(bool elsewhere)
{
    pmipc_error errors[3] = {{0}};
    pmipc_pool_info info;
    pmipc_stream *stream;
    pmipc_view view;
    unsetenv("POLYMORPH_IPC_DIR");
    CHECK_STATUS(pmipc_pool_inspect(missing_name, NULL, &info, &errors[0]), PMIPC_NOT_FOUND);
    CHECK_STATUS(pmipc_pool_remove(missing_name, NULL, NULL, &errors[1]), PMIPC_NOT_FOUND);
    CHECK_OK(pmipc_stream_open(&stream, missing_name, NULL, NULL));
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    pmipc_stream_last_error(stream, &errors[2]);
    pmipc_stream_close(stream);
    for (int i = 0; i < 3; i++) {
        CHECK_HAS(errors[i].text, missing_name);
        if (elsewhere)
            CHECK_HAS(errors[i].text, other_folder);
        CHECK_EQ(strstr(errors[i].text, other_folder) != NULL, elsewhere);
        CHECK_EQ(strstr(errors[i].text, "set POLYMORPH_IPC_DIR") != NULL, elsewhere);
    }
}

static void check_missing_unseen(void)
{
    check_missing(false);
}

TEST_WITH(not_found_error_names_pool_in_folder_of_other_user, .two_users = true)
{
    const uid_t uid = THIRD_USER + (uid_t)(getpid() % 10000);
    char folder[512];
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(other_folder, sizeof other_folder, "/dev/shm/polymorph_ipc-%u", (unsigned)uid);
    snprintf(missing_name, sizeof missing_name, "sought/%d", (int)getpid());
    snprintf(other_entry, sizeof other_entry, "%s/sought%%%d", other_folder, (int)getpid());
    CHECK_EQ(mkdir(other_folder, 0700), 0);
    check_missing(false);
    int fd = open(other_entry, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    check_missing(false); /* the owner of the folder is not the user in its name */
    CHECK_EQ(chown(other_folder, uid, uid), 0);
    check_missing(true);
    as_user(OTHER_USER, OTHER_USER, check_missing_unseen); /* a user who may not read that folder */
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_pool_remove(missing_name, folder, NULL, &error), PMIPC_NOT_FOUND);
    CHECK(!strstr(error.text, other_folder)); /* not for a folder that was given explicitly */
    close(fd);
    CHECK(unlink(other_entry) == 0 && rmdir(other_folder) == 0);
}

ROLE(names_its_folder)
{
    (void)argument;
    char path[512];
    CHECK_OK(pmipc_registry_folder(NULL, path, sizeof path));
    send_word(channel, strcmp(path, getenv("POLYMORPH_IPC_DIR")) == 0);
}

/* A copy of this program with the set-user-ID bit, so that the kernel starts it with AT_SECURE. */
static void start_with_set_user_id(uid_t owner, bool uses_environment)
{
    char program[64] = "/var/tmp/pmipc-test-XXXXXX";
    int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out = mkstemp(program), ends[2];
    char block[65536];
    CHECK(in >= 0 && out >= 0);
    for (ssize_t bytes; (bytes = read(in, block, sizeof block)) > 0;)
        CHECK_EQ(write(out, block, (size_t)bytes), bytes);
    CHECK(fchown(out, owner, owner) == 0 && fchmod(out, 04755) == 0 && close(in) == 0 && close(out) == 0);
    int low = open(program, O_RDONLY | O_CLOEXEC),
        copy = fcntl(low, F_DUPFD_CLOEXEC, 10); /* not the number of the channel of a role */
    close(low);
    CHECK(copy >= 0 && unlink(program) == 0); /* at once, so that the file never remains */
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 3); /* the channel of a role */
        fexecve(copy, (char *[]){(char *)"test", (char *)"--role", (char *)"names_its_folder", (char *)"", NULL},
                environ);
        _exit(127);
    }
    int status;
    close(ends[1]);
    CHECK_EQ(receive_word(ends[0]), uses_environment);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close(ends[0]);
    close(copy);
}

TEST_WITH(set_user_id_program_ignores_environment, .two_users = true, .native = "a set-user-ID program",
          .bare = "a program that may be traced")
{
    start_with_set_user_id(OTHER_USER, false);
    start_with_set_user_id(0, true); /* owned by the user itself: an ordinary program */
}
