/* loop/test/explore_house.c - the miniature worker's threads, and how a story begins. */
#include "explore_house.h"

#include <string.h>

struct house house;
struct lc_loop house_loop;
const struct story *house_story;

static struct lc_owner *const o = &house.owner;

/* --- threads -------------------------------------------------------------------------------------------------- */

/* As lc_worker_serve. */
static void seat_main(void *arg)
{
    struct room *r = arg;
    enum lc_turn turn = LC_TURN_LOOK;

    lc_mutex_lock(&o->lock);
    lc_seat_init(&r->seat, o, &r->guest);
    lc_owner_join(o, &r->seat);
    if (r->is_main)
        house.main_seat = &r->seat;
    while (turn != LC_TURN_END && (turn != LC_TURN_IDLE || r->is_first)) {
        if (r->is_main && house.has_signal)
            house_run_handlers(r);
        turn = lc_owner_next(o, &r->seat, r->is_first || house_story->retires == 0 ? 0 : 1);
        if (turn == LC_TURN_CALL)
            house_call_one(r);
        else if (turn == LC_TURN_STEP)
            house_step(r);
    }
    house_leave_turn(r);
    if (r->is_main)
        house.main_seat = NULL;
    r->has_left = true;
    house.nserving--;
    lc_owner_quit(o, &r->seat);
    house_leave_guest(NULL);
    lc_mutex_unlock(&o->lock);
    lc_seat_fini(&r->seat);
}

static void start_seat(void)
{
    static const char *const names[SEATS] = {"seat 0", "seat 1", "seat 2"};
    int i = house.nseated++;
    struct room *r = &house.rooms[i];

    house_check(i < house_story->nseats, "more threads than there may be");
    r->thread = sim_start(names[i], seat_main, r);
    sim_allow(r->thread, r->is_first ? 0 : house_story->retires, false);
}

/* As lc_worker_attend: true when a thread is wanted. */
static bool attend(struct room *r)
{
    bool wants_thread;

    lc_mutex_lock(&o->lock);
    if (house.main_seat == NULL) {
        lc_seat_init(&r->seat, o, &r->guest);
        house.main_seat = &r->seat;
        house.wants_thread = true;
    }
    do {
        if (house.has_signal)
            house_run_handlers(r);
        wants_thread = house.wants_thread;
    } while (!wants_thread && lc_owner_attend(o, &r->seat) == LC_TURN_LOOK);
    if (wants_thread) {
        house.wants_thread = false;
        house.nserving++;
    }
    house_leave_guest(NULL);
    lc_mutex_unlock(&o->lock);
    return wants_thread;
}

static void attend_main(void *arg)
{
    while (attend(arg))
        start_seat();
}

static void guest_main(void *arg)
{
    house_run_script(arg, &house.requests[REQUESTS], house_story->thread);
    house_leave_guest(NULL);
}

static int may_stop(void *arg LC_UNUSED)
{
    return house_story->stops || house.has_rested;
}

static void stopper_main(void *arg LC_UNUSED)
{
    (void)sim_aside("the end", may_stop, NULL);
    if (!(house.has_rested && house.was_stopped))
        house_stop();
}

/* --- a story -------------------------------------------------------------------------------------------------- */

static void run_task(struct lc_task *t)
{
    LC_CONTAINER_OF(t, struct request, task)->was_task_run = true;
}

static void on_theft(void *ctx LC_UNUSED)
{
    house_check(sim_has_lock(sim_self()), "the engine is taken without the lock");
    house_rest_and_uncork();
}

static void set_up_owner(void)
{
    const struct lc_owner_face face = {.on_theft = on_theft, .on_turn = house_on_turn};

    lc_owner_init(o, &house_loop, &face);
    o->is_inline = !house_story->is_pool;
    if (house_story->is_pool || house_story->is_long)
        o->state = LC_OWNER_WATCHED;
    if (house_story->is_long)
        o->call_ns = LC_OWNER_LONG_NS * 4;
}

static void set_up(void)
{
    memset(&house, 0, sizeof house);
    memset(&house_loop, 0, sizeof house_loop);
    lc_list_init(&house_loop.deferred);
    house.guest = NOBODY;
    house.late = house_story->late;
    for (int i = 0; i <= REQUESTS; i++) {
        struct lc_task *t = &house.requests[i].task;

        lc_list_init(&t->link);
        t->fn = run_task;
    }
    for (int i = 0; i < ROOMS; i++) {
        struct room *r = &house.rooms[i];

        r->guest.leave = house_leave_guest;
        r->is_first = i == 0;
        r->is_main = i == (house_story->attends ? MAIN_ROOM : 0);
        r->thread = NOBODY;
    }
    set_up_owner();
    sim_region(&house, sizeof house);
    sim_region(&house_loop.deferred, sizeof house_loop.deferred);
}

static void start(void)
{
    struct room *thread_room = &house.rooms[THREAD_ROOM];

    set_up();
    house_check(lc_watcher_start(&house.watcher, o) == LC_OK, "no watcher");
    house.watcher_thread = 0;
    sim_allow(house.watcher_thread, house_story->ticks, true);
    (void)sim_start("stopper", stopper_main, NULL);
    if (house_story->attends) {
        house.rooms[MAIN_ROOM].thread = sim_start("main", attend_main, &house.rooms[MAIN_ROOM]);
    } else {
        house.nserving = house_story->nseats;
        while (house.nseated < house_story->nseats)
            start_seat();
    }
    if (house_story->thread) {
        lc_seat_init(&thread_room->seat, o, NULL);
        thread_room->thread = sim_start("thread", guest_main, thread_room);
    }
    sim_allow_spurious(house_story->spurious);
}

static const char *tell(void)
{
    static const char *const names[] = {"FREE", "STEPPED", "CALLING", "PASSED", "WATCHED", "ENDED"};

    return house.is_child ? "in the child" : names[o->state];
}

struct sim_counts story_explore(const struct story *s, bool has_memory)
{
    static const struct sim_program program = {
        .start = start, .look = house_look, .rest = house_rest, .tell = tell};

    house_story = s;
    sim_set_title(s->name);
    return sim_explore(&program, has_memory);
}
