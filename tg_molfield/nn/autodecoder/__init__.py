"""What `FieldAutoDecoder` is made of: fields as samples, codes fitted by descent, and functions found directly."""
