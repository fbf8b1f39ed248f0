/* The tables that say what a line of the kernel log means: NVIDIA's XIDs and SXids by number,
 * amdgpu's by words. */
#include "tests/support/t.h"

#include "gpu/kmsg.h"

/* The classes of NVIDIA's catalogue (October 2025) and of nverror.h, as a renter needs them: an
 * application's mistake passes, what is to be watched warns, what needs a reset or more fails. */
static void every_number_of_nvidias_catalogue_has_its_class(void **state)
{
    static const struct {
        int64_t first, last;
        enum check_result result;
    } classes[] = {
        {8, 8, CHECK_PASS},     {11, 11, CHECK_PASS},   {13, 13, CHECK_PASS},
        {25, 25, CHECK_PASS},   {31, 32, CHECK_PASS},   {37, 37, CHECK_PASS},
        {38, 41, CHECK_WARN},   {43, 43, CHECK_PASS},   {44, 44, CHECK_WARN},
        {45, 45, CHECK_PASS},   {46, 46, CHECK_FAIL},   {48, 48, CHECK_FAIL},
        {54, 54, CHECK_FAIL},   {60, 60, CHECK_PASS},   {61, 61, CHECK_WARN},
        {62, 62, CHECK_FAIL},   {63, 63, CHECK_PASS},   {64, 64, CHECK_FAIL},
        {66, 67, CHECK_WARN},   {68, 69, CHECK_PASS},   {70, 72, CHECK_WARN},
        {74, 74, CHECK_FAIL},   {75, 78, CHECK_WARN},   {79, 79, CHECK_FAIL},
        {80, 80, CHECK_PASS},   {82, 84, CHECK_PASS},   {85, 85, CHECK_WARN},
        {86, 86, CHECK_PASS},   {88, 89, CHECK_PASS},   {92, 92, CHECK_WARN},
        {93, 93, CHECK_PASS},   {94, 94, CHECK_WARN},   {95, 95, CHECK_FAIL},
        {96, 107, CHECK_PASS},  {108, 108, CHECK_WARN}, {109, 110, CHECK_FAIL},
        {119, 120, CHECK_FAIL}, {121, 121, CHECK_WARN}, {126, 135, CHECK_WARN},
        {136, 136, CHECK_FAIL}, {137, 137, CHECK_WARN}, {139, 139, CHECK_PASS},
        {140, 140, CHECK_FAIL}, {141, 142, CHECK_WARN}, {143, 143, CHECK_FAIL},
        {144, 150, CHECK_WARN}, {151, 151, CHECK_FAIL}, {152, 153, CHECK_WARN},
        {154, 154, CHECK_PASS}, {155, 155, CHECK_FAIL}, {156, 156, CHECK_WARN},
        {157, 158, CHECK_FAIL}, {159, 161, CHECK_WARN}, {162, 165, CHECK_PASS},
        {166, 166, CHECK_WARN}, {167, 169, CHECK_FAIL}, {170, 170, CHECK_WARN},
        {171, 173, CHECK_FAIL}, {174, 176, CHECK_WARN},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        for (int64_t n = classes[i].first; n <= classes[i].last; n++) {
            const struct xid_kind *k = xid_kind_find(n);

            if (k->number != n)
                fail_msg("XID %d has no row", (int)n);
            if (k->result != classes[i].result)
                fail_msg("XID %d is %s", (int)n, check_result_names[k->result]);
            assert_true(k->remedy != REMEDY_NONE && k->action[0]);
        }
    }
}

static void a_number_that_the_catalogue_calls_unused_is_watched(void **state)
{
    static const int64_t unused[] = {1, 42, 56, 81, 90, 111, 138, 177, 4711};

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(unused); i++)
        assert_int_equal(xid_kind_find(unused[i])->result, CHECK_WARN);
}

static void sxids_have_the_severities_of_the_fabric_managers_guide(void **state)
{
    static const int64_t benign[] = {11012, 11021, 11022, 11023, 12021, 12023, 15008,
                                     15011, 19049, 19055, 19057, 19059, 19062, 19065,
                                     19068, 19071, 24001, 24002, 24003, 22013};
    static const int64_t perhaps[] = {
        11001, 11009, 11013, 11018, 11019, 11020, 12001, 12002, 12022, 12024, 12025, 12026,
        12027, 12030, 12031, 12032, 14017, 15001, 15006, 15009, 15010, 15012, 15013, 19047,
        19048, 19054, 19056, 19058, 19060, 19061, 19063, 19064, 19066, 19067, 19069, 19070,
        20034, 22012, 24004, 24005, 24006, 24007, 10001, 10004, 20001};
    static const int64_t fatal[] = {12020, 22003, 22011, 23001, 23009, 23017, 10003};

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(benign); i++)
        assert_int_equal(sxid_kind_find(benign[i])->result, CHECK_PASS);
    for (size_t i = 0; i < ARRAY_SIZE(perhaps); i++)
        assert_int_equal(sxid_kind_find(perhaps[i])->result, CHECK_WARN);
    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
        assert_int_equal(sxid_kind_find(fatal[i])->result, CHECK_FAIL);
    assert_int_equal(sxid_kind_find(1)->result, CHECK_WARN);
}

static void lines_of_amdgpu_are_read_by_their_words(void **state)
{
    static const struct {
        const char *line;
        bool read;
        enum check_result result;
        const char *address;
    } cases[] = {
        {"amdgpu 0000:0b:00.0: amdgpu: 1 uncorrectable hardware errors detected in umc block", true,
         CHECK_FAIL, "0000:0b:00.0"},
        {"amdgpu 0000:0b:00.0: amdgpu: {12} socket: 0, die: 1, 1 new uncorrectable hardware errors "
         "detected in gfx block",
         true, CHECK_FAIL, "0000:0b:00.0"},
        {"amdgpu 0000:0b:00.0: amdgpu: no uncorrectable hardware errors detected in umc block",
         false, CHECK_PASS, ""},
        {"amdgpu 0000:0b:00.0: amdgpu: 0 uncorrectable hardware errors detected in umc block",
         false, CHECK_PASS, ""},
        {"amdgpu 0000:0b:00.0: amdgpu: 10 uncorrectable hardware errors detected in umc block",
         true, CHECK_FAIL, "0000:0b:00.0"},
        {"amdgpu 0000:0b:00.0: amdgpu: 5 correctable hardware errors detected in umc block", false,
         CHECK_PASS, ""},
        {"amdgpu 0000:03:00.0: amdgpu: GPU reset begin!", true, CHECK_WARN, "0000:03:00.0"},
        {"amdgpu 0000:03:00.0: amdgpu: GPU reset(2) succeeded!", false, CHECK_PASS, ""},
        {"amdgpu 0000:03:00.0: amdgpu: GPU reset end with ret = -22", true, CHECK_FAIL,
         "0000:03:00.0"},
        {"amdgpu 0000:03:00.0: amdgpu: device lost from bus!", true, CHECK_FAIL, "0000:03:00.0"},
        {"amdgpu 0000:03:00.0: amdgpu: [gfxhub0] no-retry page fault (src_id:0 ring:0)", true,
         CHECK_PASS, "0000:03:00.0"},
        {"[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx timeout, signaled seq=1, emitted",
         true, CHECK_PASS, ""},
        {"amdgpu 0000:03:00.0: amdgpu:  Process information: process GPU reset begin pid 3", false,
         CHECK_PASS, ""},
        {"app: amdgpu 0000:03:00.0: amdgpu: device lost from bus!", false, CHECK_PASS, ""},
        {"amdgpu: device lost from bus!", false, CHECK_PASS, ""},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xid_event x = {0};
        char line[512];

        snprintf(line, sizeof line, "3,1,5000000,-;%s", cases[i].line);
        if (kmsg_line_read(line, &x) != cases[i].read)
            fail_msg("%s is %s", cases[i].line, cases[i].read ? "not read" : "read");
        if (!cases[i].read)
            continue;
        assert_true(x.is_amd);
        assert_int_equal(xid_event_result(&x), cases[i].result);
        assert_string_equal(x.address, cases[i].address);
        /* What a program writes into the log has another facility than the kernel's. */
        snprintf(line, sizeof line, "12,1,5000000,-;%s", cases[i].line);
        assert_false(kmsg_line_read(line, &x));
    }
}

static void only_the_lines_own_word_makes_a_links_event_fatal(void **state)
{
    static const struct {
        const char *line;
        enum check_result result;
    } cases[] = {
        {"NVRM: Xid (PCI:0000:04:00): 144, SAW_MVB Nonfatal XC0 i0 Link 00 (0x1 0x1)", CHECK_WARN},
        {"NVRM: Xid (PCI:0000:04:00): 144, SAW_MVB Fatal XC0 i0 Link 00 (0x1 0x2)", CHECK_FAIL},
        {"NVRM: Xid (PCI:0000:04:00): 146, TLW_RX/TLW_RX_PIPE0 Fatal XC0 i0 Link 00", CHECK_FAIL},
        {"NVRM: Xid (PCI:0000:04:00): 149, NETIR_BER_EVENT Nonfatal XC0 i0 Link 00", CHECK_WARN},
        {"NVRM: Xid (PCI:0000:04:00): 150, MSE_WATCHDOG Fatal XC0 i0 Link 00", CHECK_FAIL},
        {"NVRM: Xid (PCI:0000:04:00): 137, pid=7, name=Fatal, x", CHECK_WARN},
        {"NVRM: Xid (PCI:0000:04:00): 31, Fatal",
         CHECK_PASS}, /* an application's, whatever it says */
        {"nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 11012, Fatal, Link 3", CHECK_FAIL},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xid_event x = {0};
        char line[512];

        snprintf(line, sizeof line, "3,1,5000000,-;%s", cases[i].line);
        assert_true(kmsg_line_read(line, &x));
        if (xid_event_result(&x) != cases[i].result)
            fail_msg("%s is %s", cases[i].line, check_result_names[xid_event_result(&x)]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_nvidias_catalogue_has_its_class),
        cmocka_unit_test(a_number_that_the_catalogue_calls_unused_is_watched),
        cmocka_unit_test(sxids_have_the_severities_of_the_fabric_managers_guide),
        cmocka_unit_test(lines_of_amdgpu_are_read_by_their_words),
        cmocka_unit_test(only_the_lines_own_word_makes_a_links_event_fatal),
    };

    return T_RUN("gpu kmsg", tests);
}
