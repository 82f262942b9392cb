/* memory.pml: shared memory with a store buffer for each thread.
 *
 * A store first goes into its thread's buffer. Stores leave the buffer in any order, with two exceptions: stores to one place leave in
 * program order, and a release store leaves after all earlier stores. A load reads the newest buffered store of its thread to that
 * place, or memory if there is no such store. A fence and a release read-modify-write wait until the buffer is empty. A relaxed
 * read-modify-write waits until the buffer has no store to its place.
 *
 * This is weaker than x86, whose buffers are first in, first out, and it distinguishes release from relaxed. Loads are in order, so
 * these models do not show the need for acquire; models/rc11 does.
 *
 * Define THREADS and PLACES before including this file. */
#define DEPTH 4
#define RELAXED 0
#define RELEASE 1

typedef buffer {
    byte count;
    byte place[DEPTH];
    byte value[DEPTH];
    bit order[DEPTH];
}
byte memory[PLACES];
buffer buffers[THREADS];
hidden byte scratch;

#define IS_EMPTY(t) (buffers[t].count == 0)

inline store(t, where, what, how) {
    atomic {
        buffers[t].count < DEPTH;
        buffers[t].place[buffers[t].count] = where;
        buffers[t].value[buffers[t].count] = what;
        buffers[t].order[buffers[t].count] = how;
        buffers[t].count++
    }
}

inline load(t, where, result) {
    d_step {
        result = memory[where];
        for (scratch : 0 .. DEPTH - 1) {
            if
            :: scratch < buffers[t].count && buffers[t].place[scratch] == where -> result = buffers[t].value[scratch]
            :: else
            fi
        }
        scratch = 0
    }
}

inline fence(t) {
    IS_EMPTY(t)
}

/* Read-modify-writes. They take effect in memory, not in the buffer. */
#define HOLDS(t, i, where) (buffers[t].count > i && buffers[t].place[i] == where)
#define HOLDS_ANY(t, where) (HOLDS(t, 0, where) || HOLDS(t, 1, where) || HOLDS(t, 2, where) || HOLDS(t, 3, where))
#define MAY_MODIFY(t, where, how) (how == RELEASE && IS_EMPTY(t) || how == RELAXED && !HOLDS_ANY(t, where))

inline fetch_add(t, where, much, how) {
    atomic { MAY_MODIFY(t, where, how) -> memory[where] = memory[where] + much }
}

inline fetch_or(t, where, bits, how) {
    atomic { MAY_MODIFY(t, where, how) -> memory[where] = memory[where] | (bits) }
}

inline fetch_and(t, where, bits, how) {
    atomic { MAY_MODIFY(t, where, how) -> memory[where] = memory[where] & (bits) }
}

/* done: memory[where] was `expected` and is now `what`. */
inline compare_exchange(t, where, expected, what, how, done) {
    atomic {
        MAY_MODIFY(t, where, how);
        if
        :: memory[where] == (expected) -> memory[where] = what; done = true
        :: else -> done = false
        fi
    }
}

/* Entry i of the buffer may leave before earlier entries, if it is relaxed and they are stores to other places. */
#define OTHER(t, i, j) (buffers[t].place[i] != buffers[t].place[j])
#define OVERTAKES(t, i) (buffers[t].count > i && buffers[t].order[i] == RELAXED)

inline leave(t, i) {
    d_step {
        memory[buffers[t].place[i]] = buffers[t].value[i];
        for (scratch : i .. DEPTH - 2) {
            buffers[t].place[scratch] = buffers[t].place[scratch + 1];
            buffers[t].value[scratch] = buffers[t].value[scratch + 1];
            buffers[t].order[scratch] = buffers[t].order[scratch + 1]
        }
        buffers[t].count--;
        buffers[t].place[DEPTH - 1] = 0;
        buffers[t].value[DEPTH - 1] = 0;
        buffers[t].order[DEPTH - 1] = 0;
        scratch = 0
    }
}

proctype drain(byte t) {
end:
    do
    :: atomic { buffers[t].count > 0 -> leave(t, 0) }
    :: atomic { OVERTAKES(t, 1) && OTHER(t, 1, 0) -> leave(t, 1) }
    :: atomic { OVERTAKES(t, 2) && OTHER(t, 2, 0) && OTHER(t, 2, 1) -> leave(t, 2) }
    :: atomic { OVERTAKES(t, 3) && OTHER(t, 3, 0) && OTHER(t, 3, 1) && OTHER(t, 3, 2) -> leave(t, 3) }
    od
}
