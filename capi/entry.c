/* The functions of oboro.h: each checks what can be checked without Go (a
 * fork, null arguments, struct sizes) and goes on in Go. After a fork the Go
 * runtime of the child has no threads, so nothing here may enter it then. */
#include "oboro.h"

#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "_cgo_export.h"

/* Defined in internal/cdata. */
#pragma GCC visibility push(hidden)
extern void *oboro_cdata_alloc(size_t size);
extern void oboro_cdata_free(void *block);
extern int64_t oboro_cdata_live_bytes(void);
#pragma GCC visibility pop

static _Atomic int forked;

static void in_child(void) { atomic_store(&forked, 1); }

__attribute__((constructor)) static void at_load(void) { pthread_atfork(NULL, NULL, in_child); }

static const char fork_text[] =
	"the process was forked after the library was loaded, which the Go runtime does not survive; start workers with spawn or forkserver, or load the library in the child only";
static const char null_text[] = "an argument that must not be NULL is NULL; see oboro.h";
static const char size_text[] = "struct_size is not that of a known version; initialise the struct with its _INIT macro";

static int32_t refuse(oboro_error *e, const char *text) {
	if (e != NULL && e->struct_size >= sizeof *e) {
		size_t n = strlen(text) + 1;
		e->code = OBORO_MISUSE;
		if ((e->message = oboro_cdata_alloc(n)) != NULL) memcpy(e->message, text, n);
	}
	return OBORO_MISUSE;
}

/* What every call checks first; 0 is fine. */
static int32_t guard(const oboro_options *o, int missing, oboro_error *e) {
	if (e != NULL && e->struct_size < sizeof *e) return OBORO_MISUSE;
	if (e != NULL) {
		e->code = OBORO_OK;
		e->message = NULL;
	}
	if (atomic_load(&forked)) return refuse(e, fork_text);
	if (o != NULL && o->struct_size < offsetof(oboro_options, ledger)) return refuse(e, size_text);
	if (missing) return refuse(e, null_text);
	return OBORO_OK;
}

#define GUARD(o, missing)                         \
	do {                                          \
		int32_t rc = guard((o), (missing), e);    \
		if (rc != OBORO_OK) return rc;            \
	} while (0)

/* A stream is consumed also where the call is refused, except in a forked
 * child, where its owner is another process. */
struct stream_head {
	void *get_schema, *get_next, *get_last_error;
	void (*release)(struct ArrowArrayStream *);
};

static void consume(struct ArrowArrayStream *s) {
	struct stream_head *h = (struct stream_head *)s;
	if (h != NULL && h->release != NULL && !atomic_load(&forked)) h->release(s);
}

#define GUARD_STREAM(o, missing, table)           \
	do {                                          \
		int32_t rc = guard((o), (missing), e);    \
		if (rc != OBORO_OK) {                     \
			consume(table);                       \
			return rc;                            \
		}                                         \
	} while (0)

int32_t oboro_abi_version(void) { return OBORO_ABI_VERSION; }

const char *oboro_version(void) { return OBORO_VERSION; }

void oboro_error_clear(oboro_error *e) {
	if (e == NULL) return;
	oboro_cdata_free(e->message);
	e->message = NULL;
	e->code = OBORO_OK;
}

void oboro_free(void *p) { oboro_cdata_free(p); }

int64_t oboro_live_bytes(void) { return oboro_cdata_live_bytes(); }
int64_t oboro_live_handles(void) { return atomic_load(&forked) ? 0 : goLiveHandles(); }

int32_t oboro_plan(const char *policy, struct ArrowSchema *schema, const char *format, const oboro_options *options, char **text, oboro_error *e) {
	GUARD(options, policy == NULL || format == NULL || text == NULL);
	return goPlan((char *)policy, schema, (char *)format, (oboro_options *)options, text, e);
}

int32_t oboro_run(const char *policy, struct ArrowArrayStream *table, const oboro_options *options, oboro_release **out, oboro_error *e) {
	GUARD_STREAM(options, policy == NULL || table == NULL || out == NULL, table);
	return goRun((char *)policy, table, (oboro_options *)options, (void **)out, e);
}

int64_t oboro_release_count(const oboro_release *r) { return atomic_load(&forked) ? 0 : goReleaseCount((void *)r); }

const char *oboro_release_name(const oboro_release *r, int64_t i) { return atomic_load(&forked) ? NULL : goReleaseName((void *)r, i); }

int32_t oboro_release_table(oboro_release *r, const char *name, struct ArrowArrayStream *table, oboro_error *e) {
	GUARD(NULL, name == NULL || table == NULL);
	return goReleaseTable(r, (char *)name, table, e);
}

int32_t oboro_release_report(oboro_release *r, const char *format, char **text, oboro_error *e) {
	GUARD(NULL, format == NULL || text == NULL);
	return goReleaseReport(r, (char *)format, text, e);
}

int32_t oboro_release_write(oboro_release *r, const char *dir, const char *format, int32_t replace, const oboro_options *options, oboro_error *e) {
	GUARD(options, dir == NULL || format == NULL);
	return goReleaseWrite(r, (char *)dir, (char *)format, replace, (oboro_options *)options, e);
}

void oboro_release_free(oboro_release *r) {
	if (r != NULL && !atomic_load(&forked)) goReleaseFree(r);
}

int32_t oboro_verify(const char *dir, const oboro_options *options, char **text, oboro_error *e) {
	GUARD(options, dir == NULL || text == NULL);
	return goVerify((char *)dir, (oboro_options *)options, text, e);
}

int32_t oboro_key_new(uint8_t key[OBORO_KEY_BYTES], oboro_error *e) {
	GUARD(NULL, key == NULL);
	return goKeyNew(key, e);
}

int32_t oboro_state_new(const char *policy, const char *release, struct ArrowSchema *schema, const uint8_t key[OBORO_KEY_BYTES],
                        const oboro_options *options, oboro_state **out, oboro_error *e) {
	GUARD(options, policy == NULL || release == NULL || schema == NULL || key == NULL || out == NULL);
	return goStateNew((char *)policy, (char *)release, schema, (uint8_t *)key, (oboro_options *)options, (void **)out, e);
}

int32_t oboro_state_update(oboro_state *s, struct ArrowArrayStream *table, oboro_error *e) {
	GUARD_STREAM(NULL, table == NULL, table);
	return goStateUpdate(s, table, e);
}

int32_t oboro_state_merge(oboro_state *s, const void *bytes, size_t size, oboro_error *e) {
	GUARD(NULL, bytes == NULL);
	return goStateMerge(s, (void *)bytes, size, e);
}

int32_t oboro_state_serialise(oboro_state *s, void **bytes, size_t *size, oboro_error *e) {
	GUARD(NULL, bytes == NULL || size == NULL);
	return goStateSerialise(s, bytes, size, e);
}

int32_t oboro_state_finalise(oboro_state *s, oboro_release **out, oboro_error *e) {
	GUARD(NULL, out == NULL);
	return goStateFinalise(s, (void **)out, e);
}

void oboro_state_free(oboro_state *s) {
	if (s != NULL && !atomic_load(&forked)) goStateFree(s);
}
