/* The views of the tabs, in their order; the first one is shown at the start. */
VIEW(overview)
VIEW(offers)
VIEW(instances)
VIEW(jobs)
VIEW(credit)
VIEW(events)
VIEW(reports)
