#include "ros/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/error.h"

/* Types whose default tensor is not all their numbers. */
struct ros_default {
    const char *message;
    enum ros_kind kind;
    const char *paths[4];
};

static const struct ros_default ros_defaults[] = {
    {"sensor_msgs/msg/Image", ROS_IMAGE, .paths = {"data"}},
    {"sensor_msgs/msg/CompressedImage", ROS_NUMBERS, .paths = {"data"}},
    {"sensor_msgs/msg/PointCloud2", ROS_CLOUD, .paths = {"data"}},
    {"sensor_msgs/msg/JointState", ROS_JOINTS, .paths = {"position"}},
    {"sensor_msgs/msg/LaserScan", ROS_NUMBERS, .paths = {"ranges"}},
    {"sensor_msgs/msg/Joy", ROS_NUMBERS, .paths = {"axes"}},
    {"sensor_msgs/msg/Imu", ROS_NUMBERS, .paths = {"orientation", "angular_velocity", "linear_acceleration"}},
    {"sensor_msgs/msg/CameraInfo", ROS_NUMBERS, .paths = {"k"}},
    {"sensor_msgs/msg/MagneticField", ROS_NUMBERS, .paths = {"magnetic_field"}},
    {"sensor_msgs/msg/NavSatFix", ROS_NUMBERS, .paths = {"latitude", "longitude", "altitude"}},
    {"sensor_msgs/msg/Range", ROS_NUMBERS, .paths = {"range"}},
    {"sensor_msgs/msg/FluidPressure", ROS_NUMBERS, .paths = {"fluid_pressure"}},
    {"sensor_msgs/msg/Temperature", ROS_NUMBERS, .paths = {"temperature"}},
    {"sensor_msgs/msg/RelativeHumidity", ROS_NUMBERS, .paths = {"relative_humidity"}},
    {"sensor_msgs/msg/Illuminance", ROS_NUMBERS, .paths = {"illuminance"}},
    {"geometry_msgs/msg/PoseWithCovariance", ROS_NUMBERS, .paths = {"pose"}},
    {"geometry_msgs/msg/PoseWithCovarianceStamped", ROS_NUMBERS, .paths = {"pose.pose"}},
    {"geometry_msgs/msg/TwistWithCovariance", ROS_NUMBERS, .paths = {"twist"}},
    {"geometry_msgs/msg/TwistWithCovarianceStamped", ROS_NUMBERS, .paths = {"twist.twist"}},
    {"geometry_msgs/msg/AccelWithCovariance", ROS_NUMBERS, .paths = {"accel"}},
    {"geometry_msgs/msg/AccelWithCovarianceStamped", ROS_NUMBERS, .paths = {"accel.accel"}},
    {"nav_msgs/msg/Odometry", ROS_NUMBERS, .paths = {"pose.pose", "twist.twist"}},
    {"nav_msgs/msg/OccupancyGrid", ROS_GRID, .paths = {"data"}},
    {"trajectory_msgs/msg/JointTrajectory", ROS_JOINTS, .paths = {"points[].positions"}},
};

/* Paths to values of joints. */
static const struct {
    const char *message;
    const char *names;
    const char *paths[4];
} ros_joint_paths[] = {
    {"sensor_msgs/msg/JointState", "name", {"position", "velocity", "effort"}},
    {"trajectory_msgs/msg/JointTrajectory",
     "joint_names",
     {"points[].positions", "points[].velocities", "points[].accelerations", "points[].effort"}},
};

bool ros_name_complete(char full[PMIPC_CDR_MAX_NAME + 1], const char *message)
{
    const char *slash = strchr(message, '/');
    bool is_short = slash && !strchr(slash + 1, '/');
    int length = is_short ? snprintf(full, PMIPC_CDR_MAX_NAME + 1, "%.*s/msg%s", (int)(slash - message), message, slash)
                          : snprintf(full, PMIPC_CDR_MAX_NAME + 1, "%s", message);
    return length >= 0 && length <= PMIPC_CDR_MAX_NAME;
}

bool ros_is_image(const char *message)
{
    return strcmp(message, "sensor_msgs/msg/Image") == 0;
}

const char *ros_joint_names(const char *message)
{
    for (size_t i = 0; i < sizeof ros_joint_paths / sizeof ros_joint_paths[0]; i++)
        if (strcmp(ros_joint_paths[i].message, message) == 0)
            return ros_joint_paths[i].names;
    return NULL;
}

bool ros_joints_can_merge(const char *message)
{
    return strcmp(message, "sensor_msgs/msg/JointState") == 0;
}

bool ros_path_is_joints(const char *message, const char *path)
{
    for (size_t i = 0; i < sizeof ros_joint_paths / sizeof ros_joint_paths[0]; i++)
        for (size_t p = 0; p < 4 && ros_joint_paths[i].paths[p]; p++)
            if (strcmp(ros_joint_paths[i].message, message) == 0 && strcmp(ros_joint_paths[i].paths[p], path) == 0)
                return true;
    return false;
}

void ros_format_field(const pmipc_schema *schema, const pmipc_field *field, char *text, size_t text_bytes)
{
    pmipc_schema one = *schema; /* includes the text that describes dtypes */
    one.field_count = 1;
    one.fields[0] = *field;
    one.fields[0].name[0] = '\0';
    pmipc_schema_format(&one, text, text_bytes);
}

/* ---- fields ---- */

/* All fields of a message. The caller frees them. NULL: an error. */
static pmipc_cdr_field *ros_fields_of(pmipc_cdr_types *types, const char *message, uint32_t *count,
                                      pmipc_status *status, pmipc_error *error)
{
    *status = pmipc_cdr_types_fields(types, message, NULL, 0, count, error);
    if (*status)
        return NULL;
    pmipc_cdr_field *fields = calloc(*count ? *count : 1, sizeof *fields);
    *status = fields ? pmipc_cdr_types_fields(types, message, fields, *count, count, error)
                     : error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the fields of %s", message);
    if (*status) {
        free(fields);
        return NULL;
    }
    return fields;
}

pmipc_status ros_field_find(pmipc_cdr_types *types, const char *message, const char *path, pmipc_cdr_field *field,
                            const char **rest, bool *found, pmipc_error *error)
{
    uint32_t count;
    pmipc_status status;
    pmipc_cdr_field *fields = ros_fields_of(types, message, &count, &status, error);
    size_t length = strcspn(path, ".[#");
    *found = false;
    for (uint32_t i = 0; i < count && fields && !*found; i++) {
        *found = strlen(fields[i].name) == length && memcmp(fields[i].name, path, length) == 0;
        if (*found)
            *field = fields[i];
    }
    *rest = path + length;
    free(fields);
    return status;
}

static void ros_header_set(struct ros_header *header, const pmipc_cdr_field *field, bool is_stamp)
{
    const char *between = is_stamp ? "" : ".stamp";
    /* The name of a field can be as long as a path. Then the stamp is ignored. */
    if (strlen(field->name) + 16 > ROS_MAX_PATH)
        return;
    snprintf(header->sec, sizeof header->sec, "%s%s.sec", field->name, between);
    snprintf(header->nanosec, sizeof header->nanosec, "%s%s.nanosec", field->name, between);
    header->frame_id[0] = '\0';
    if (!is_stamp)
        snprintf(header->frame_id, sizeof header->frame_id, "%s.frame_id", field->name);
}

pmipc_status ros_header_find(pmipc_cdr_types *types, const char *message, struct ros_header *header, pmipc_error *error)
{
    memset(header, 0, sizeof *header);
    uint32_t count;
    pmipc_status status;
    pmipc_cdr_field *fields = ros_fields_of(types, message, &count, &status, error);
    uint32_t best = 0; /* 1: a stamp, 2: a Header, 3: a Header named header */
    for (uint32_t i = 0; i < count && fields; i++) {
        if (fields[i].is_array || fields[i].is_sequence)
            continue;
        bool is_header = strcmp(fields[i].type_name, "std_msgs/msg/Header") == 0;
        bool is_stamp = strcmp(fields[i].type_name, "builtin_interfaces/msg/Time") == 0;
        uint32_t rank = is_header ? strcmp(fields[i].name, "header") == 0 ? 3 : 2
                        : is_stamp && strcmp(fields[i].name, "stamp") == 0 ? 1
                                                                           : 0;
        if (rank > best) {
            best = rank;
            ros_header_set(header, &fields[i], is_stamp);
        }
    }
    free(fields);
    return status;
}

pmipc_status ros_header_is_first(pmipc_cdr_types *types, const char *message, const struct ros_header *header,
                                 bool *is_first, pmipc_error *error)
{
    const char *type = message, *path = header->sec;
    *is_first = false;
    while (*path) {
        uint32_t count;
        pmipc_status status;
        pmipc_cdr_field *fields = ros_fields_of(types, type, &count, &status, error);
        if (!fields)
            return status;
        const size_t length = strcspn(path, ".");
        const bool leads_on = !fields[0].is_array && !fields[0].is_sequence && strlen(fields[0].name) == length &&
                              memcmp(fields[0].name, path, length) == 0;
        *is_first = leads_on && fields[0].dtype == PMIPC_INT32 && count >= 2 && !fields[1].is_array &&
                    !fields[1].is_sequence && fields[1].dtype == PMIPC_UINT32 && strcmp(fields[1].name, "nanosec") == 0;
        type = fields[0].type_name; /* owned by the set of types */
        path = leads_on && path[length] == '.' ? path + length + 1 : "";
        free(fields);
    }
    return PMIPC_OK;
}

/* ---- tensors by path ---- */

static pmipc_status ros_tensor_add(pmipc_cdr_types *types, const char *message, const char *path,
                                   struct ros_tensor *tensor, pmipc_error *error)
{
    pmipc_cdr_place place;
    pmipc_status status = pmipc_cdr_types_find(types, message, path, &place, error);
    if (status)
        return status;
    if (PMIPC_DTYPE_CODE(place.dtype) >= PMIPC_DTYPE_CODE(PMIPC_CDR_MESSAGE))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: %s is %s: a tensor needs numbers of one dtype", message,
                         path,
                         place.dtype == PMIPC_CDR_MESSAGE ? "a message with fields of several dtypes" : "a string");
    if (strlen(path) > ROS_MAX_PATH || tensor->part_count == ROS_MAX_PARTS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: a tensor is made of at most %d paths of at most %d bytes", message, ROS_MAX_PARTS,
                         ROS_MAX_PATH);
    struct ros_part *part = &tensor->parts[tensor->part_count++];
    memcpy(part->path, path, strlen(path) + 1);
    part->elements = 1;
    for (uint32_t i = 0; i < place.ndim; i++)
        part->elements = place.shape[i] < 0 ? 0 : part->elements * (uint64_t)place.shape[i];
    tensor->dtype = place.dtype;
    if (tensor->part_count == 1) {
        tensor->ndim = place.ndim;
        memcpy(tensor->shape, place.shape, sizeof tensor->shape);
        return PMIPC_OK;
    }
    /* Several parts, one after the other. */
    uint64_t sum = 0;
    for (uint32_t i = 0; i < tensor->part_count; i++)
        sum += tensor->parts[i].elements;
    memset(tensor->shape, 0, sizeof tensor->shape);
    tensor->ndim = 1;
    tensor->shape[0] = (int64_t)sum;
    return PMIPC_OK;
}

static pmipc_status ros_tensor_by_path(pmipc_cdr_types *types, const char *message, const char *path,
                                       struct ros_tensor *tensor, pmipc_error *error)
{
    pmipc_status status = ros_tensor_add(types, message, path, tensor, error);
    tensor->kind = ros_path_is_joints(message, path) ? ROS_JOINTS : ROS_NUMBERS;
    return status;
}

/* ---- default tensors ---- */

/* A walk over the numbers of a type that is not in the table. */
struct ros_search {
    pmipc_cdr_types *types;
    const char *message;
    struct ros_tensor *tensor;
    bool is_mixed;     /* several dtypes, or too many parts for one tensor */
    pmipc_dtype dtype; /* 0: none yet */
    pmipc_error *error;
};

static bool ros_is_not_numeric(const pmipc_cdr_field *field)
{
    return field->dtype == PMIPC_CDR_STRING || field->dtype == PMIPC_CDR_WSTRING ||
           strcmp(field->type_name, "std_msgs/msg/Header") == 0 ||
           strcmp(field->type_name, "builtin_interfaces/msg/Time") == 0 ||
           strcmp(field->name, "structure_needs_at_least_one_member") == 0;
}

static pmipc_status ros_search_fields(struct ros_search *search, const char *type, const char *prefix, uint32_t depth);

static pmipc_status ros_search_field(struct ros_search *search, const pmipc_cdr_field *field, const char *prefix,
                                     uint32_t depth)
{
    char path[ROS_MAX_PATH + 1];
    pmipc_cdr_place place;
    if (ros_is_not_numeric(field))
        return PMIPC_OK;
    if (snprintf(path, sizeof path, "%s%s", prefix, field->name) >= ROS_MAX_PATH - 3 || depth > PMIPC_CDR_MAX_DEPTH) {
        search->is_mixed = true;
        return PMIPC_OK;
    }
    pmipc_status status = pmipc_cdr_types_find(search->types, search->message, path, &place, search->error);
    if (status)
        return status;
    if (place.dtype == PMIPC_CDR_MESSAGE) {
        memcpy(path + strlen(path), field->is_array || field->is_sequence ? "[]." : ".",
               field->is_array || field->is_sequence ? 4 : 2);
        return ros_search_fields(search, field->type_name, path, depth + 1);
    }
    search->is_mixed = search->is_mixed || (search->dtype && search->dtype != place.dtype) ||
                       search->tensor->part_count == ROS_MAX_PARTS;
    search->dtype = place.dtype;
    return search->is_mixed ? PMIPC_OK
                            : ros_tensor_add(search->types, search->message, path, search->tensor, search->error);
}

static pmipc_status ros_search_fields(struct ros_search *search, const char *type, const char *prefix, uint32_t depth)
{
    uint32_t count;
    pmipc_status status;
    pmipc_cdr_field *fields = ros_fields_of(search->types, type, &count, &status, search->error);
    for (uint32_t i = 0; i < count && !status && !search->is_mixed && fields; i++)
        status = ros_search_field(search, &fields[i], prefix, depth);
    free(fields);
    return status;
}

/* Whether parts can be stored one after the other. Parts in a list of messages would alternate, and of several
 * sequences the start of each would be unknown. */
static bool ros_parts_can_follow(const struct ros_tensor *tensor)
{
    for (uint32_t i = 0; i < tensor->part_count && tensor->part_count > 1; i++)
        if (tensor->parts[i].elements == 0 || strstr(tensor->parts[i].path, "[]."))
            return false;
    return true;
}

static pmipc_status ros_tensor_of_all(pmipc_cdr_types *types, const char *message, struct ros_tensor *tensor,
                                      pmipc_error *error)
{
    /* A type whose fields all have one dtype is one run of numbers. */
    pmipc_cdr_place place;
    pmipc_status status = pmipc_cdr_types_find(types, message, "", &place, error);
    if (status)
        return status;
    if (place.dtype != PMIPC_CDR_MESSAGE)
        return ros_tensor_add(types, message, "", tensor, error);
    struct ros_search search = {.types = types, .message = message, .tensor = tensor, .error = error};
    status = ros_search_fields(&search, message, "", 0);
    if (status)
        return status;
    if (tensor->part_count == 0 && !search.is_mixed)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s has no numbers for a tensor", message);
    if (search.is_mixed || !ros_parts_can_follow(tensor)) {
        uint32_t count = 0;
        pmipc_cdr_field *fields = ros_fields_of(types, message, &count, &status, NULL);
        error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                  "%s has numbers that do not form one tensor: choose some of them with a path; its fields are ",
                  message);
        for (uint32_t i = 0; fields && i < count; i++)
            error_append(error, "%s%s", i ? ", " : "", fields[i].name);
        free(fields);
        return PMIPC_INVALID_ARGUMENT;
    }
    return PMIPC_OK;
}

static bool ros_is_multi_array(const char *message)
{
    static const char suffix[] = "MultiArray";
    size_t length = strlen(message);
    return (strncmp(message, "std_msgs/msg/", 13) == 0 || strncmp(message, "example_interfaces/msg/", 23) == 0) &&
           length > sizeof suffix && strcmp(message + length - (sizeof suffix - 1), suffix) == 0;
}

static pmipc_status ros_tensor_from_table(pmipc_cdr_types *types, const char *message, const struct ros_default *entry,
                                          struct ros_tensor *tensor, pmipc_error *error)
{
    pmipc_status status = PMIPC_OK;
    for (size_t p = 0; p < 4 && entry->paths[p] && !status; p++)
        status = ros_tensor_add(types, message, entry->paths[p], tensor, error);
    tensor->kind = entry->kind;
    if (entry->kind == ROS_IMAGE || entry->kind == ROS_CLOUD)
        tensor->dtype = 0;
    if (entry->kind == ROS_GRID) {
        tensor->ndim = 2;
        tensor->shape[0] = tensor->shape[1] = -1;
    }
    if (!status && strcmp(entry->paths[0], "k") == 0 && tensor->parts[0].elements == 9) {
        tensor->ndim = 2;
        tensor->shape[0] = tensor->shape[1] = 3;
    }
    return status;
}

pmipc_status ros_tensor_find(pmipc_cdr_types *types, const char *message, const char *path, struct ros_tensor *tensor,
                             pmipc_error *error)
{
    memset(tensor, 0, sizeof *tensor);
    if (path && path[0])
        return ros_tensor_by_path(types, message, path, tensor, error);
    tensor->is_default = true;
    if (strcmp(message, "tf2_msgs/msg/TFMessage") == 0)
        return error_set(
            error, PMIPC_UNSUPPORTED, 0,
            "%s: a transform needs the names of its frames, which a tensor cannot hold; look transforms up in a "
            "tf2_ros.Buffer and publish those",
            message);
    for (size_t i = 0; i < sizeof ros_defaults / sizeof ros_defaults[0]; i++)
        if (strcmp(ros_defaults[i].message, message) == 0)
            return ros_tensor_from_table(types, message, &ros_defaults[i], tensor, error);
    if (!ros_is_multi_array(message))
        return ros_tensor_of_all(types, message, tensor, error);
    pmipc_status status = ros_tensor_add(types, message, "data", tensor, error);
    tensor->kind = ROS_MULTI_ARRAY;
    return status;
}
