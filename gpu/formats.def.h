/* How a report can be written. One line adds one: gpu_format_<name>() in gpu/output_<name>.c. */
FORMAT(text)
FORMAT(json)
FORMAT(junit)
FORMAT(prometheus)
