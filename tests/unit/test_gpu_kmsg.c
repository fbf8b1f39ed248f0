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

/* Lines as drivers of Blackwell machines log them, and what NVIDIA's catalogue says of each. */
static void a_line_of_nvlink_5_is_read_by_sub_unit_reason_and_status(void **state)
{
    static const struct {
        const char *line;
        enum check_result result;
        enum xid_blame blame;
        const char *meaning;
    } cases[] = {
        {"149, NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6 0x00000000 0x00000000 0x00000000 "
         "0x00000000 0x00000000)",
         CHECK_FAIL, XID_BLAME_LINK, "an NVLink went down: its signal"},
        {"149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x021425c6 0x00000000 0x00000000 "
         "0x00000000 0x00000000 0x00000000)",
         CHECK_FAIL, XID_BLAME_LINK, "an NVLink went down: its other end"},
        {"149, NETIR_LINK_DOWN Fatal XC0 i0 Link 00 (0x01600011 0x00000000 0x0)", CHECK_FAIL,
         XID_BLAME_DRIVER, "an NVLink was taken down by software or by hand"},
        {"149, NETIR_LINK_EVT Fatal XC0 i0 Link 00 (0x026001c6 0x00000000 0x0)", CHECK_WARN,
         XID_BLAME_DRIVER, "an NVLink was taken down on purpose"},
        {"149, NETIR_LINK_EVT Fatal XC0 i0 Link 00 (0x028001c6 0x00000000 0x0)", CHECK_FAIL,
         XID_BLAME_HOST, "an NVLink went down by the machine's doing"},
        {"149, NETIR Fatal XC0 i0 Link -1 (0x000fe406 0x00000000 0x00000000 0x00000000)",
         CHECK_FAIL, XID_BLAME_LINK, "an NVLink went down"},
        {"149, NETIR_BER_EVENT Nonfatal XC0 i0 Link 03 (0x00086226 0x00000001 0x00000000)",
         CHECK_WARN, XID_BLAME_LINK, "bit errors on an NVLink"},
        {"145, pid=876767, name=ray::WorkerDict, RLW_RXPIPE Nonfatal XC0 i0 Link 13 (0x0409a0c2 "
         "0x00000008 0x00000001 0x00000000 0x00100000 0x00000004)",
         CHECK_WARN, XID_BLAME_DRIVER, "NVLink error caused by software"},
        {"145, pid=11436, name=cache_mgr_main, RLW_SRC_TRACK Nonfatal XC1 i0 Link 03 (0x040868e2 "
         "0x00000008 0x00000000)",
         CHECK_WARN, XID_BLAME_LINK, "work stopped by an NVLink error"},
        {"145, RLW_SRC_TRACK Nonfatal XC1 i0 Link 12 (0x040988e2 0x00000002 0x00000000)",
         CHECK_PASS, XID_BLAME_LINK, "an NVLink event without effect"},
        {"150, MSE_WATCHDOG Fatal XC0 i0 Link 00 (0x00000000 0x00000000 0x00000000)", CHECK_FAIL,
         XID_BLAME_GPU, "the NVLink firmware failed"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xid_event x = {0};
        char line[512];

        snprintf(line, sizeof line, "3,1,5000000,-;NVRM: Xid (PCI:0018:01:00): %s", cases[i].line);
        assert_true(kmsg_line_read(line, &x));
        assert_string_equal(x.kind->meaning, cases[i].meaning);
        assert_int_equal(x.kind->blame, cases[i].blame);
        assert_int_equal(xid_event_result(&x), cases[i].result);
        assert_true(x.kind->remedy != REMEDY_NONE && x.kind->action[0]);
        assert_int_equal(x.kind->number, x.number);
    }
}

/* The results that follow from NVIDIA's catalogue for one sub-unit: p(ass), w(arn) or f(ail) for
 * each of the 32 bits of the error status, from the lowest; '.' where it has no rule. */
static const struct {
    int number;
    const char *unit, *bits;
} nvlink_bits[] = {
    {144, "SAW_MVB", "wfpwfp.........................."},
    {145, "RLW_CTRL", "...............................w"},
    {145, "RLW_REMAP", "wwwwwwffpp.....................w"},
    {145, "RLW_RSPCOL", "pf.............................w"},
    {145, "RLW_RXPIPE", "wwww...........................w"},
    {145, "RLW_SRC_TRACK", "fpwwff.........................w"},
    {145, "RLW_TAGSTATE", "pf..............pf..f..........w"},
    {146, "TLW_CTRL", "pwf............................w"},
    {146, "TLW_RX", "pwf............................w"},
    {146, "TLW_RX_PIPE0", "pwf............................w"},
    {146, "TLW_RX_PIPE1", "pwf............................w"},
    {146, "TLW_TX", "pwf............................w"},
    {146, "TLW_TX_PIPE0", "pwf............................w"},
    {146, "TLW_TX_PIPE1", "pwf............................w"},
    {147, "TREX", "w..............................w"},
    {148, "NVLPW", "...............................w"},
    {148, "NVLPW_CTRL", "...............................w"},
    {149, "NETIR_MFDE_EVENT", "f.f............................."},
};

static const struct xid_event *nvlink_event(int number, const char *unit, bool is_fatal,
                                            unsigned info, unsigned status)
{
    static struct xid_event x;
    char line[256];

    x = (struct xid_event){0};
    snprintf(line, sizeof line,
             "3,1,5000000,-;NVRM: Xid (PCI:0000:04:00): %d, %s %s XC0 i0 Link 00 (0x%08x 0x%08x "
             "0x00000000)",
             number, unit, is_fatal ? "Fatal" : "Nonfatal", info, status);
    if (!kmsg_line_read(line, &x))
        fail_msg("%s is not read", line);
    return &x;
}

static void every_error_status_of_nvidias_catalogue_has_its_result(void **state)
{
    static const char letters[] = {[CHECK_PASS] = 'p', [CHECK_WARN] = 'w', [CHECK_FAIL] = 'f'};

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(nvlink_bits); i++) {
        int number = nvlink_bits[i].number;

        for (unsigned bit = 0; bit < 32; bit++) {
            char want = nvlink_bits[i].bits[bit];
            const struct xid_event *x =
                nvlink_event(number, nvlink_bits[i].unit, want == 'f', 0, 1U << bit);

            if ((x->kind == xid_kind_find(number)) != (want == '.'))
                fail_msg("%s bit %u has %s rule", nvlink_bits[i].unit, bit,
                         want == '.' ? "a" : "no");
            if (want != '.' && letters[xid_event_result(x)] != want)
                fail_msg("%s bit %u is %s", nvlink_bits[i].unit, bit,
                         check_result_names[xid_event_result(x)]);
            /* Of a reason or a severity that the catalogue does not pair with it, the line's own
             * word is what is left. */
            x = nvlink_event(number, nvlink_bits[i].unit, want == 'f', 63U << 20, 1U << bit);
            assert_ptr_equal(x->kind, xid_kind_find(number));
            x = nvlink_event(number, nvlink_bits[i].unit, want != 'f', 0, 1U << bit);
            assert_ptr_equal(x->kind, xid_kind_find(number));
            assert_int_equal(xid_event_result(x), want != 'f' ? CHECK_FAIL : CHECK_WARN);
        }
    }
}

static void every_reason_of_a_link_that_went_down_has_its_result(void **state)
{
    /* By IntrInfo's bits 25:20, from 0: as above. */
    static const char reasons[] =
        "fff.f.....f....ffff..ff.........ffffffw.f.ff....................";

    UNUSED(state);
    for (unsigned reason = 0; reason < 64; reason++) {
        const struct xid_event *x =
            nvlink_event(149, "NETIR_LINK_EVT", true, reason << 20 | 0x1c6, 0);

        assert_int_equal(x->kind == xid_kind_find(149), reasons[reason] == '.');
        assert_int_equal(xid_event_result(x), reasons[reason] == 'w' ? CHECK_WARN : CHECK_FAIL);
    }
    assert_int_equal(strlen(reasons), 64);
    for (unsigned status = 0; status < 4; status++)
        assert_string_equal(
            nvlink_event(149, "NETIR_BER_EVENT", false, 0x226, status)->kind->meaning,
            "bit errors on an NVLink");
    assert_int_equal(xid_event_result(nvlink_event(149, "NETIR_MFDE_EVENT", false, 0, 3)),
                     CHECK_PASS);
}

static void what_a_process_is_called_says_nothing_about_a_link(void **state)
{
    static const struct {
        const char *line;
        enum check_result result;
        bool has_rule;
    } cases[] = {
        /* A name has fifteen letters; and the driver's own words come after it. */
        {"145, pid=7, name=x, TREX Fatal, RLW_CTRL Nonfatal XC0 i0 Link 00 (0x00000062 0x80000000)",
         CHECK_WARN, true},
        {"145, pid=7, name=Fatal, RLW_REMAP Nonfatal XC0 i0 Link 00 (0x00000082 0x00000100)",
         CHECK_PASS, true},
        {"145, pid=7, name=y, Nonfatal XC0, RLW_REMAP Fatal XC0 i0 Link 00 (0x00000082 0x00000040)",
         CHECK_FAIL, true},
        {"145, pid=7, name=x, Fatal", CHECK_WARN, false},
        {"145, pid=7, name=(0x0 0x100), Fatal", CHECK_WARN, false},
        /* Cut off, of another XID, of no known sub-unit, in other words. */
        {"145, RLW_REMAP Nonfatal XC0 i0 Link 00 (0x00000082 0x0000010", CHECK_WARN, false},
        {"145, RLW_REMAP Nonfatal XC0 i0 Link 00 [0x00000082 0x00000100]", CHECK_WARN, false},
        {"144, RLW_REMAP Nonfatal XC0 i0 Link 00 (0x00000082 0x00000100)", CHECK_WARN, false},
        {"145, RLW Nonfatal XC0 i0 Link 00 (0x00000082 0x00000100)", CHECK_WARN, false},
        {"146, TLW_RX/ Nonfatal XC0 i0 Link 00 (0x00000082 0x00000001)", CHECK_WARN, false},
        {"145, RLW_REMAP Harmless XC0 i0 Link 00 (0x00000082 0x00000100)", CHECK_WARN, false},
        {"145, RLW_REMAP Fatal XC0 i0 Link 00 (nothing 0x00000100)", CHECK_FAIL, false},
        {"145, RLW_REMAPRLW_REMAPRLW_REMAPRLW_REMAPRLW_REMAP Fatal XC0 i0 Link 00 (0x82 0x40)",
         CHECK_FAIL, false},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xid_event x = {0};
        char line[512];

        snprintf(line, sizeof line, "3,1,5000000,-;NVRM: Xid (PCI:0018:01:00): %s", cases[i].line);
        assert_true(kmsg_line_read(line, &x));
        if ((x.kind != xid_kind_find(x.number)) != cases[i].has_rule)
            fail_msg("%s has %s rule", cases[i].line, cases[i].has_rule ? "no" : "a");
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
        cmocka_unit_test(a_line_of_nvlink_5_is_read_by_sub_unit_reason_and_status),
        cmocka_unit_test(every_error_status_of_nvidias_catalogue_has_its_result),
        cmocka_unit_test(every_reason_of_a_link_that_went_down_has_its_result),
        cmocka_unit_test(what_a_process_is_called_says_nothing_about_a_link),
    };

    return T_RUN("gpu kmsg", tests);
}
