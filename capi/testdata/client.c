/* A program that uses liboboro as a C program would, and as one should not:
 * good calls, cancelled calls, and hostile arguments. It exits 0 when
 * everything was as oboro.h says, and names the line that was not. */
#include "../oboro.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ArrowSchema {
	const char *format, *name, *metadata;
	int64_t flags, n_children;
	struct ArrowSchema **children, *dictionary;
	void (*release)(struct ArrowSchema *);
	void *private_data;
};

struct ArrowArray {
	int64_t length, null_count, offset, n_buffers, n_children;
	const void **buffers;
	struct ArrowArray **children, *dictionary;
	void (*release)(struct ArrowArray *);
	void *private_data;
};

struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
	int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
	const char *(*get_last_error)(struct ArrowArrayStream *);
	void (*release)(struct ArrowArrayStream *);
	void *private_data;
};

#define CHECK(what)                                                   \
	do {                                                              \
		if (!(what)) {                                                \
			fprintf(stderr, "client.c:%d: %s\n", __LINE__, #what);    \
			exit(1);                                                  \
		}                                                             \
	} while (0)

/* The table: two columns of ROWS rows, person (int64) and city (utf8). */
enum { ROWS = 3000 };
static int64_t person[ROWS];
static int32_t offsets[ROWS + 1];
static char text[ROWS];
static const void *person_buffers[2] = {NULL, person}, *city_buffers[3] = {NULL, offsets, text}, *root_buffers[1] = {NULL};
static int released_streams, released_arrays, batches_left, fail_next;

static void no_schema_release(struct ArrowSchema *s) { s->release = NULL; }
static void child_release(struct ArrowArray *a) { a->release = NULL; }
static void root_release(struct ArrowArray *a) {
	released_arrays++;
	a->release = NULL;
}

static struct ArrowSchema fields[2], *field_pointers[2] = {&fields[0], &fields[1]};

static void make_schema(struct ArrowSchema *s) {
	memset(fields, 0, sizeof fields);
	fields[0] = (struct ArrowSchema){.format = "l", .name = "person", .release = no_schema_release};
	fields[1] = (struct ArrowSchema){.format = "u", .name = "city", .flags = 2, .release = no_schema_release};
	*s = (struct ArrowSchema){.format = "+s", .name = "", .n_children = 2, .children = field_pointers, .release = no_schema_release};
}

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out) {
	(void)s;
	make_schema(out);
	return 0;
}

static struct ArrowArray columns[2], *column_pointers[2] = {&columns[0], &columns[1]};

static int get_next(struct ArrowArrayStream *s, struct ArrowArray *out) {
	(void)s;
	memset(out, 0, sizeof *out);
	if (fail_next) return 5;
	if (batches_left-- <= 0) return 0;
	columns[0] = (struct ArrowArray){.length = ROWS, .n_buffers = 2, .buffers = person_buffers, .release = child_release};
	columns[1] = (struct ArrowArray){.length = ROWS, .n_buffers = 3, .buffers = city_buffers, .release = child_release};
	*out = (struct ArrowArray){.length = ROWS, .n_buffers = 1, .buffers = root_buffers, .n_children = 2, .children = column_pointers, .release = root_release};
	return 0;
}

static const char *get_last_error(struct ArrowArrayStream *s) {
	(void)s;
	return "failed on purpose";
}

static void stream_release(struct ArrowArrayStream *s) {
	released_streams++;
	s->release = NULL;
}

static struct ArrowArrayStream stream(void) {
	batches_left = 1;
	return (struct ArrowArrayStream){get_schema, get_next, get_last_error, stream_release, NULL};
}

static const char policy[] =
	"oboro: 1\ntitle: Client\nunit: person\n"
	"columns:\n  person: {role: identifier}\n  city: {role: quasi-identifier}\n"
	"releases:\n  - name: by_city\n    kind: statistics\n    group-by: [city]\n    groups: private\n"
	"    bounds: {groups-per-unit: 1}\n    aggregates: [{count-units: {as: people}}]\n    budget: {epsilon: 1, delta: 1e-8}\n";

static void expect(int32_t got, int32_t want, oboro_error *e, const char *word, int line) {
	if (got != want || e->code != want || e->message == NULL || strstr(e->message, word) == NULL) {
		fprintf(stderr, "client.c:%d: code %d (want %d), message %s\n", line, got, want, e->message ? e->message : "none");
		exit(1);
	}
	oboro_error_clear(e);
	if (e->message != NULL || e->code != 0) exit(1);
}
#define EXPECT(call, code, word) expect((call), (code), &e, (word), __LINE__)

static int progress_calls;
static int32_t stop(void *data, const char *release, const char *stage, int64_t done, int64_t total) {
	(void)total;
	CHECK(data == &progress_calls && release != NULL && stage != NULL && done >= 0);
	progress_calls++;
	return 0;
}

static void good_calls(void) {
	oboro_error e = OBORO_ERROR_INIT;
	oboro_options o = OBORO_OPTIONS_INIT;
	o.progress = stop;
	o.progress_data = &progress_calls;
	o.workers = 2;
	char *s = NULL;
	struct ArrowSchema schema;
	make_schema(&schema);
	CHECK(oboro_plan(policy, &schema, "text", &o, &s, &e) == OBORO_OK && strstr(s, "by_city") != NULL);
	CHECK(schema.release != NULL); /* stays the caller's */
	oboro_free(s);
	CHECK(oboro_plan(policy, NULL, "json", NULL, &s, NULL) == OBORO_OK);
	oboro_free(s);

	struct ArrowArrayStream in = stream();
	oboro_release *r = NULL;
	CHECK(oboro_run(policy, &in, &o, &r, &e) == OBORO_OK && r != NULL);
	CHECK(in.release == NULL && released_streams == 1);
	CHECK(oboro_release_count(r) == 1 && strcmp(oboro_release_name(r, 0), "by_city") == 0);
	CHECK(oboro_release_name(r, 1) == NULL && oboro_release_name(r, -1) == NULL);

	struct ArrowArrayStream out;
	for (int i = 0; i < 2; i++) { /* a table is read again */
		struct ArrowSchema got;
		struct ArrowArray batch;
		CHECK(oboro_release_table(r, "by_city", &out, &e) == OBORO_OK);
		CHECK(out.get_schema(&out, &got) == 0 && got.n_children == 2 && strcmp(got.children[1]->name, "people") == 0);
		got.release(&got);
		CHECK(out.get_next(&out, &batch) == 0 && batch.release != NULL && batch.length == 3 && batch.n_children == 2);
		if (i == 1) out.release(&out); /* a batch outlives its stream */
		const int64_t *people = batch.children[1]->buffers[1];
		/* 1000 people a city; discrete Laplace noise of scale 1: beyond 60 with probability below 1e-25 */
		for (int c = 0; c < 3; c++) CHECK(people[c] > 940 && people[c] < 1060);
		batch.release(&batch);
		if (i == 0) {
			CHECK(out.get_next(&out, &batch) == 0 && batch.release == NULL);
			out.release(&out);
		}
	}
	CHECK(oboro_release_report(r, "json", &s, &e) == OBORO_OK && strstr(s, "\"by_city\"") != NULL);
	oboro_free(s);
	EXPECT(oboro_release_report(r, "pdf", &s, &e), OBORO_MISUSE, "html");
	EXPECT(oboro_release_table(r, "by_town", &out, &e), OBORO_MISUSE, "release");
	oboro_release_free(r);
	EXPECT(oboro_release_table(r, "by_city", &out, &e), OBORO_MISUSE, "freed");
	CHECK(oboro_release_count(r) == 0 && oboro_release_name(r, 0) == NULL);
	oboro_release_free(r);
	oboro_release_free(NULL);
}

static void states(void) {
	oboro_error e = OBORO_ERROR_INIT;
	uint8_t key[OBORO_KEY_BYTES];
	struct ArrowSchema schema;
	CHECK(oboro_key_new(key, &e) == OBORO_OK);
	oboro_state *a = NULL, *b = NULL;
	make_schema(&schema);
	CHECK(oboro_state_new(policy, "by_city", &schema, key, NULL, &a, &e) == OBORO_OK);
	CHECK(oboro_state_new(policy, "by_city", &schema, key, NULL, &b, &e) == OBORO_OK);
	struct ArrowArrayStream in = stream();
	CHECK(oboro_state_update(a, &in, &e) == OBORO_OK);
	void *bytes, *again;
	size_t size, size_again;
	CHECK(oboro_state_serialise(a, &bytes, &size, &e) == OBORO_OK);
	CHECK(oboro_state_merge(b, bytes, size, &e) == OBORO_OK);
	CHECK(oboro_state_serialise(b, &again, &size_again, &e) == OBORO_OK);
	CHECK(size == size_again && memcmp(bytes, again, size) == 0);
	oboro_free(again);
	for (size_t cut = 0; cut < size; cut += size / 7 + 1) EXPECT(oboro_state_merge(b, bytes, cut, &e), OBORO_INPUT, "damaged");
	oboro_free(bytes);
	oboro_release *r = NULL;
	CHECK(oboro_state_finalise(b, &r, &e) == OBORO_OK && oboro_release_count(r) == 1);
	oboro_release_free(r);
	CHECK(oboro_state_finalise(b, &r, &e) != OBORO_OK);
	oboro_error_clear(&e);
	oboro_state_free(a);
	oboro_state_free(b);
	oboro_state_free(b);
	EXPECT(oboro_state_new(policy, "nothing", &schema, key, NULL, &a, &e), OBORO_PLAN, "release");
}

static void hostile_calls(void) {
	oboro_error e = OBORO_ERROR_INIT;
	oboro_release *r = NULL;
	char *s;
	struct ArrowArrayStream in = stream();
	int before = released_streams;
	EXPECT(oboro_run(NULL, &in, NULL, &r, &e), OBORO_MISUSE, "NULL");
	CHECK(released_streams == before + 1); /* consumed all the same */
	EXPECT(oboro_run(policy, NULL, NULL, &r, &e), OBORO_MISUSE, "NULL");
	EXPECT(oboro_run(policy, &in, NULL, &r, &e), OBORO_PLAN, "released");
	in = stream();
	EXPECT(oboro_run("oboro: 1\n\xff\xfe", &in, NULL, &r, &e), OBORO_PLAN, "policy");
	in = stream();
	EXPECT(oboro_run("no policy", &in, NULL, &r, &e), OBORO_PLAN, "policy");
	fail_next = 1;
	in = stream();
	EXPECT(oboro_run(policy, &in, NULL, &r, &e), OBORO_INPUT, "stream");
	fail_next = 0;
	offsets[7] = 1 << 30; /* points behind the text, then falls */
	in = stream();
	EXPECT(oboro_run(policy, &in, NULL, &r, &e), OBORO_INPUT, "city");
	offsets[7] = 7;
	text[5] = (char)0xff;
	in = stream();
	EXPECT(oboro_run(policy, &in, NULL, &r, &e), OBORO_INPUT, "UTF-8");
	text[5] = 'c';
	volatile int32_t cancel = 1;
	oboro_options o = OBORO_OPTIONS_INIT;
	o.cancel = &cancel;
	in = stream();
	EXPECT(oboro_run(policy, &in, &o, &r, &e), OBORO_CANCELLED, "cancel");
	cancel = 0;
	o.ledger = "no-such.ledger";
	in = stream();
	EXPECT(oboro_run(policy, &in, &o, &r, &e), OBORO_PLAN, "no-such.ledger");
	o.struct_size = offsetof(oboro_options, ledger); /* a client of before there were ledgers */
	in = stream();
	CHECK(oboro_run(policy, &in, &o, &r, &e) == OBORO_OK);
	oboro_release_free(r);
	r = NULL;
	o.struct_size = 3;
	in = stream();
	EXPECT(oboro_run(policy, &in, &o, &r, &e), OBORO_MISUSE, "struct_size");
	e.struct_size = 2;
	CHECK(oboro_plan(policy, NULL, "text", NULL, &s, &e) == OBORO_MISUSE);
	e = (oboro_error)OBORO_ERROR_INIT;
	EXPECT(oboro_plan(policy, NULL, "text", NULL, NULL, &e), OBORO_MISUSE, "NULL");
	EXPECT(oboro_release_table((oboro_release *)0xdead0, "x", &in, &e), OBORO_MISUSE, "handle");
	EXPECT(oboro_verify("/nowhere/at/all", NULL, &s, &e), OBORO_INPUT, "all");
	CHECK(oboro_run(NULL, NULL, NULL, NULL, NULL) == OBORO_MISUSE);
	CHECK(r == NULL);
	oboro_error_clear(NULL);
	oboro_free(NULL);
}

int main(int argc, char **argv) {
	int rounds = argc > 1 ? atoi(argv[1]) : 1;
	for (int i = 0; i < ROWS; i++) {
		person[i] = i;
		offsets[i] = i;
		text[i] = "abc"[i % 3];
	}
	offsets[ROWS] = ROWS;
	CHECK(oboro_abi_version() == OBORO_ABI_VERSION && strcmp(oboro_version(), OBORO_VERSION) == 0);
	for (int i = 0; i < rounds; i++) {
		released_streams = released_arrays = 0;
		good_calls();
		states();
		hostile_calls();
		CHECK(oboro_live_handles() == 0);
		CHECK(oboro_live_bytes() == 0);
	}
	puts("ok");
	return 0;
}
