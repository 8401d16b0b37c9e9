"""Two stages by prompts (VKEL): what the first one names, knowledge and objects go into the prompt of the second one."""
